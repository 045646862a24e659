package backend

import (
	"net/netip"
	"slices"
)

// Guard says which addresses may be dialled: IPv6, inside an allowed prefix, none
// of the kinds that lead elsewhere, not the proxy itself, to a listed port. It is
// asked about the address that is about to be dialled, never about a name, so that
// an answer of the DNS that changes in between gains nothing. The zero value
// refuses everything.
//
// Fields are not changed once it is in use. Check does not allocate unless it
// refuses.
type Guard struct {
	// Allow holds the prefixes that backends live in. Unique local addresses
	// (fc00::/7) are allowed only by a prefix that lies in fc00::/7 itself: ::/0
	// does not list them.
	Allow []netip.Prefix
	// Deny holds prefixes that are refused although Allow has them, such as that
	// of the proxies, or one that [Source.NAT46] maps clients into.
	Deny []netip.Prefix
	// Ports are the ports that may be dialled; empty means 80 and 443.
	Ports []uint16
	// Self returns the proxy's own addresses, which are refused: a site whose
	// AAAA record is the proxy would loop. It is called by every Check and has to
	// be quick; [OwnAddrs.Addrs] is. Nil means that no address is known as own.
	Self func() []netip.Addr
	// Loopback allows ::1 and turns off Self for it. It is for tests and for
	// backends on the same machine.
	Loopback bool
}

// Reason is why a [Guard] refused an address, in words.
type Reason string

// The reasons. The first that holds is given, in this order.
const (
	ReasonInvalid     Reason = "not an address"
	ReasonZone        Reason = "it has a zone"
	ReasonIPv4        Reason = "IPv4"
	ReasonMapped      Reason = "IPv4-mapped (::ffff:0:0/96)"
	ReasonUnspecified Reason = "unspecified (::)"
	ReasonLoopback    Reason = "loopback (::1)"
	ReasonCompatible  Reason = "IPv4-compatible (::/96)"
	ReasonTranslated  Reason = "IPv4-translated (::ffff:0:0:0/96)"
	ReasonLinkLocal   Reason = "link-local (fe80::/10)"
	ReasonSiteLocal   Reason = "site-local (fec0::/10)"
	ReasonMulticast   Reason = "multicast (ff00::/8)"
	ReasonNAT64       Reason = "NAT64 (64:ff9b::/96, 64:ff9b:1::/48)"
	Reason6to4        Reason = "6to4 (2002::/16)"
	ReasonTeredo      Reason = "Teredo (2001::/32)"
	ReasonUniqueLocal Reason = "unique local (fc00::/7) and not listed as such"
	ReasonDenied      Reason = "in a denied prefix"
	ReasonPrefix      Reason = "in no allowed prefix"
	ReasonPort        Reason = "port not allowed"
	ReasonSelf        Reason = "an address of this proxy"
)

// RefusedError is a [Guard] refusing an address.
type RefusedError struct {
	Addr   netip.AddrPort
	Reason Reason
}

func (e *RefusedError) Error() string {
	return "backend: address " + e.Addr.String() + " refused: " + string(e.Reason)
}

// never are refused whatever Allow says; none is in global.
var never = []struct {
	prefix netip.Prefix
	reason Reason
}{
	{netip.MustParsePrefix("::ffff:0:0:0/96"), ReasonTranslated},
	{netip.MustParsePrefix("::/96"), ReasonCompatible},
	{netip.MustParsePrefix("fe80::/10"), ReasonLinkLocal},
	{netip.MustParsePrefix("fec0::/10"), ReasonSiteLocal},
	{netip.MustParsePrefix("ff00::/8"), ReasonMulticast},
	{netip.MustParsePrefix("64:ff9b::/96"), ReasonNAT64},
	{netip.MustParsePrefix("64:ff9b:1::/48"), ReasonNAT64},
}

// global is where almost all backends are; of what is refused only tunnels are in it.
var (
	global  = netip.MustParsePrefix("2000::/3")
	tunnel4 = netip.MustParsePrefix("2002::/16")
	teredo  = netip.MustParsePrefix("2001::/32")
)

var uniqueLocal = netip.MustParsePrefix("fc00::/7")

// Check returns nil when addr may be dialled, and otherwise a *[RefusedError].
func (g *Guard) Check(addr netip.AddrPort) error {
	if reason := g.reason(addr); reason != "" {
		return &RefusedError{Addr: addr, Reason: reason}
	}
	return nil
}

// Allowed is Check without an error to be made, for filtering many addresses.
func (g *Guard) Allowed(addr netip.AddrPort) bool { return g.reason(addr) == "" }

func (g *Guard) reason(addr netip.AddrPort) Reason {
	ip := addr.Addr()
	if r := shape(ip); r != "" {
		return r
	}
	own := g.Loopback && ip == netip.IPv6Loopback()
	if !own {
		if r := g.place(ip); r != "" {
			return r
		}
	}
	if !g.port(addr.Port()) {
		return ReasonPort
	}
	if !own && g.Self != nil && slices.Contains(g.Self(), ip) {
		return ReasonSelf
	}
	return ""
}

// shape refuses what is no plain IPv6 address. A zone or a mapped address would
// also make netip.Prefix.Contains false where the kernel would connect.
func shape(ip netip.Addr) Reason {
	switch {
	case !ip.IsValid():
		return ReasonInvalid
	case ip.Zone() != "":
		return ReasonZone
	case ip.Is4():
		return ReasonIPv4
	case ip.Is4In6():
		return ReasonMapped
	case ip.IsUnspecified():
		return ReasonUnspecified
	}
	return ""
}

func (g *Guard) place(ip netip.Addr) Reason {
	if ip.IsLoopback() {
		return ReasonLoopback
	}
	if global.Contains(ip) {
		if tunnel4.Contains(ip) {
			return Reason6to4
		}
		if teredo.Contains(ip) {
			return ReasonTeredo
		}
	} else {
		for i := range never {
			if never[i].prefix.Contains(ip) {
				return never[i].reason
			}
		}
	}
	for _, p := range g.Deny {
		if p.Contains(ip) {
			return ReasonDenied
		}
	}
	local := uniqueLocal.Contains(ip)
	for _, p := range g.Allow {
		if p.Contains(ip) && (!local || uniqueLocal.Contains(p.Addr()) && p.Bits() >= uniqueLocal.Bits()) {
			return ""
		}
	}
	if local {
		return ReasonUniqueLocal
	}
	return ReasonPrefix
}

func (g *Guard) port(port uint16) bool {
	if len(g.Ports) == 0 {
		return port == 80 || port == 443
	}
	return slices.Contains(g.Ports, port)
}
