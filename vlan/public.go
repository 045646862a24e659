package vlan

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// numberAt is the byte where an IPv6 address has the number of a VLAN: its sixth
// group.
const numberAt = 10

func (b *builder) public() error {
	p := b.spec.Public
	if p.VID == 0 {
		if p != (Public{}) {
			return bad("Public.VID", "0", "is missing")
		}
		return nil
	}
	switch a := p.Prefix.Addr(); {
	case !p.Prefix.IsValid() || !a.Is6() || a.Is4In6() || p.Prefix.Masked() != p.Prefix:
		return bad("Public.Prefix", text(p.Prefix), "is not an IPv6 network")
	case a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsLoopback():
		return bad("Public.Prefix", p.Prefix.String(), "is not a network of ordinary addresses")
	case p.Prefix.Bits() > numberAt*8:
		return bad("Public.Prefix", p.Prefix.String(), "has more than 80 bits, which leaves no room for a number")
	}
	for i, used := range b.spec.InUse {
		if used.Overlaps(p.Prefix) {
			return &CollisionError{Field: "Public.Prefix", Value: p.Prefix.String(), With: "InUse[" + strconv.Itoa(i) + "]"}
		}
	}
	if !p.Base.IsValid() {
		base := p.Prefix.Addr().As16()
		base[8], base[15] = 0x10, 2
		p.Base = netip.AddrFrom16(base)
	}
	base := p.Base.As16()
	switch {
	case !p.Base.Is6() || p.Base.Zone() != "" || !p.Prefix.Contains(p.Base):
		return bad("Public.Base", p.Base.String(), "is not an address of Public.Prefix")
	case binary.BigEndian.Uint16(base[numberAt:]) != 0:
		return bad("Public.Base", p.Base.String(), "has something in its sixth group, where the number goes")
	case p.Gateway.IsValid() && (!p.Gateway.Is6() || p.Gateway.Zone() != "" ||
		!p.Prefix.Contains(p.Gateway) && !p.Gateway.IsLinkLocalUnicast()):
		return bad("Public.Gateway", p.Gateway.String(), "is neither an address of Public.Prefix nor link-local")
	case p.Numbering > Hex:
		return bad("Public.Numbering", strconv.Itoa(int(p.Numbering)), "is neither decimal nor hex")
	}
	b.plan.Public = p
	return nil
}

// Host is the address of the Pi with the VLAN v, with the network's length. It is
// the zero prefix when there is no public network.
func (p Public) Host(v VID) netip.Prefix {
	if p.VID == 0 {
		return netip.Prefix{}
	}
	number := uint16(v)
	if p.Numbering == Decimal {
		number = v.digits()
	}
	a := p.Base.As16()
	binary.BigEndian.PutUint16(a[numberAt:], number)
	return netip.PrefixFrom(netip.AddrFrom16(a), p.Prefix.Bits())
}

// digits are the decimal ones, as digits of base 16: 131 is 0x131.
func (v VID) digits() uint16 {
	var n uint16
	for shift := 0; v > 0; v, shift = v/10, shift+4 {
		n |= uint16(v%10) << shift
	}
	return n
}

// String is "decimal" or "hex".
func (n Numbering) String() string {
	if n == Hex {
		return "hex"
	}
	return "decimal"
}

// MarshalText is String.
func (n Numbering) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what String writes; nothing means Decimal.
func (n *Numbering) UnmarshalText(text []byte) error {
	switch string(text) {
	case "", "decimal":
		*n = Decimal
	case "hex":
		*n = Hex
	default:
		return &SpecError{Field: "Public.Numbering", Value: string(text), Why: "is neither decimal nor hex"}
	}
	return nil
}
