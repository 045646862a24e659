package backend

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Source chooses the address that a connection to a backend comes from. Nil and the
// zero value leave it to the kernel. At most one of Addrs, Pool and NAT46 is set.
//
// A single address has about 28,000 free ports to each backend; Addrs and Pool
// multiply that. On Linux the port is chosen by connect and not by bind
// (IP_BIND_ADDRESS_NO_PORT), so that it need be free only towards that backend.
type Source struct {
	// Addrs are addresses of this machine; a client keeps to one of them.
	Addrs []netip.Addr
	// Pool is a prefix of this machine's addresses, with a local route
	// (ip -6 route add local PREFIX dev lo); a client keeps to one address in it.
	// It implies FreeBind.
	Pool netip.Prefix
	// NAT46 is a /96 into which the client's IPv4 address is mapped as RFC 6052
	// does, so that backends see clients without the PROXY protocol. The prefix
	// needs a local route here, and a route to here from the backends. Backends
	// trust it for the client's address, so nobody else may send from it. A client
	// with an IPv6 address gets the kernel's choice. It implies FreeBind.
	NAT46 netip.Prefix
	// FreeBind allows addresses that no interface has (IPV6_FREEBIND; only Linux).
	FreeBind bool
}

// Validate says what is wrong with a source. What it finds wrong is not used by
// Addr, which then leaves the choice to the kernel.
func (s *Source) Validate() error {
	if s == nil {
		return nil
	}
	set := 0
	for _, is := range []bool{len(s.Addrs) > 0, s.Pool.IsValid(), s.NAT46.IsValid()} {
		if is {
			set++
		}
	}
	if set > 1 {
		return fmt.Errorf("backend: source: only one of Addrs, Pool and NAT46 may be set")
	}
	for _, a := range s.Addrs {
		if shape(a) != "" || a.IsMulticast() {
			return fmt.Errorf("backend: source: address %v is not a plain IPv6 address", a)
		}
	}
	if s.Pool.IsValid() && !usable(s.Pool) {
		return fmt.Errorf("backend: source: pool %v is not an IPv6 prefix with its host bits zero", s.Pool)
	}
	if s.NAT46.IsValid() && !mappable(s.NAT46) {
		return fmt.Errorf("backend: source: NAT46 prefix %v is not an IPv6 /96 with its host bits and bits 64 to 71 zero (RFC 6052, section 2.2)", s.NAT46)
	}
	return nil
}

func usable(p netip.Prefix) bool {
	return p.Addr().Is6() && !p.Addr().Is4In6() && p.Masked() == p
}

func mappable(p netip.Prefix) bool {
	return usable(p) && p.Bits() == 96 && p.Addr().As16()[8] == 0
}

// Addr returns the address to bind for a client; the zero Addr means that the
// kernel chooses. freebind says that no interface may have it.
func (s *Source) Addr(client netip.Addr) (addr netip.Addr, freebind bool) {
	switch {
	case s == nil:
		return netip.Addr{}, false
	case len(s.Addrs) > 0:
		h, _ := hashAddr(client, 0)
		return s.Addrs[h%uint64(len(s.Addrs))], s.FreeBind
	case s.Pool.IsValid():
		return pick(s.Pool, client), true
	case s.NAT46.IsValid():
		client = client.Unmap()
		if !client.Is4() || !mappable(s.NAT46) {
			return netip.Addr{}, false
		}
		b, v4 := s.NAT46.Addr().As16(), client.As4()
		copy(b[12:], v4[:])
		return netip.AddrFrom16(b), true
	}
	return netip.Addr{}, false
}

// pick returns the client's address in a prefix. The one with host bits zero is left
// out where there are others: it is the routers' anycast address (RFC 4291, 2.6.1).
func pick(p netip.Prefix, client netip.Addr) netip.Addr {
	if !usable(p) {
		return netip.Addr{}
	}
	b := p.Addr().As16()
	hi, lo := hashAddr(client, 1)
	if host := 128 - p.Bits(); host < 64 {
		hi, lo = 0, lo&(1<<host-1)
	} else if host < 128 {
		hi &= 1<<(host-64) - 1
	}
	if hi|lo == 0 && p.Bits() < 128 {
		lo = 1
	}
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])|hi)
	binary.BigEndian.PutUint64(b[8:], binary.BigEndian.Uint64(b[8:])|lo)
	return netip.AddrFrom16(b)
}

// hashAddr is the same in every process, so that a client keeps its member and its
// source address over a restart.
func hashAddr(a netip.Addr, seed uint64) (hi, lo uint64) {
	b := a.As16()
	hi = mix(binary.BigEndian.Uint64(b[:8]) ^ mix(seed))
	lo = mix(binary.BigEndian.Uint64(b[8:]) ^ hi)
	return mix(lo ^ 1), lo
}

// mix is a bijection in which each bit of x reaches every bit of the result: two
// rounds of multiply and xor-shift.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return x ^ x>>32
}
