package dns64

import (
	"fmt"
	"net/netip"
)

// WellKnown is the prefix that is the same everywhere (RFC 6052, section 2.1).
var WellKnown = netip.MustParsePrefix("64:ff9b::/96")

// ValidatePrefix says why a prefix cannot hold IPv4 addresses: it has to be an IPv6
// prefix of 32, 40, 48, 56, 64 or 96 bits, with bits 64 to 71 and all behind it zero
// (RFC 6052, section 2.2).
func ValidatePrefix(p netip.Prefix) error {
	switch p.Bits() {
	case 32, 40, 48, 56, 64, 96:
	default:
		return fmt.Errorf("dns64: prefix %v: the length has to be 32, 40, 48, 56, 64 or 96", p)
	}
	switch {
	case !p.Addr().Is6() || p.Addr().Is4In6():
		return fmt.Errorf("dns64: prefix %v is not of IPv6", p)
	case p.Masked() != p:
		return fmt.Errorf("dns64: prefix %v has bits behind its length", p)
	case p.Addr().As16()[8] != 0:
		return fmt.Errorf("dns64: prefix %v: bits 64 to 71 have to be zero", p)
	}
	return nil
}

// Embed puts an IPv4 address into a prefix (RFC 6052, section 2.2). It returns the
// zero Addr unless v4 is an IPv4 address and the prefix is valid.
func Embed(p netip.Prefix, v4 netip.Addr) netip.Addr {
	if v4 = v4.Unmap(); !v4.Is4() || ValidatePrefix(p) != nil {
		return netip.Addr{}
	}
	b, in := p.Addr().As16(), v4.As4()
	at := p.Bits() / 8
	for _, octet := range in {
		if at == 8 {
			at++ // bits 64 to 71 stay zero
		}
		b[at] = octet
		at++
	}
	return netip.AddrFrom16(b)
}

// Extract returns the IPv4 address in one that [Embed] made. Bits behind it are
// ignored. ok is false when addr is not in the prefix, or bits 64 to 71 are not zero.
func Extract(p netip.Prefix, addr netip.Addr) (v4 netip.Addr, ok bool) {
	if ValidatePrefix(p) != nil || !p.Contains(addr) {
		return netip.Addr{}, false
	}
	b := addr.As16()
	if b[8] != 0 {
		return netip.Addr{}, false
	}
	var out [4]byte
	at := p.Bits() / 8
	for i := range out {
		if at == 8 {
			at++
		}
		out[i] = b[at]
		at++
	}
	return netip.AddrFrom4(out), true
}

// Addresses that are never those of a server on the internet. Private ones are left
// out of the well-known prefix only (RFC 6052, section 3.1): with a prefix of its
// own, a network may want to reach them.
var (
	nowhere = prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
	private = prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
