package limit

import (
	"encoding/binary"
	"net/netip"
)

// client is the prefix that counts as one client. IPv4 is mapped into IPv6
// (RFC 4291, section 2.5.5.2), so that one type holds both.
type client struct{ high, low uint64 }

func (l *Limiter) key(addr netip.Addr) client {
	bits := prefixBits(l.V6Bits, defaultV6Bits, 128)
	if addr = addr.Unmap(); addr.Is4() {
		bits = 96 + prefixBits(l.V4Bits, defaultV4Bits, 32)
	}
	b := addr.As16()
	return client{
		high: binary.BigEndian.Uint64(b[:8]) & mask(bits),
		low:  binary.BigEndian.Uint64(b[8:]) & mask(bits-64),
	}
}

func prefixBits(bits, otherwise, most int) int {
	if bits <= 0 {
		return otherwise
	}
	return min(bits, most)
}

// mask has the first of 64 bits set.
func mask(bits int) uint64 {
	return ^uint64(0) << (64 - max(0, min(bits, 64)))
}
