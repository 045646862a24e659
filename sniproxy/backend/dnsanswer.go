package backend

import (
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// chain follows a name through CNAMEs to its addresses.
type chain struct {
	name string        // that is looked for now, as dns.CanonicalName
	left int           // how many more CNAMEs are followed
	ttl  time.Duration // the least one on the way
}

// read looks for the addresses of c.name in an answer. Without addresses and
// without a reason the answer ends at c.name, which is to be asked for next.
func (c *chain) read(m *dns.Msg) (addrs []netip.Addr, reason LookupReason) {
	start := c.name
	for {
		if addrs := c.addresses(m); addrs != nil {
			return addrs, 0
		}
		target := c.alias(m)
		if target == "" {
			break
		}
		if c.left--; c.left < 0 {
			c.ttl = 0
			return nil, BadAnswer
		}
		c.name = target
	}
	denied := slices.ContainsFunc(m.Ns, isSOA)
	switch {
	case m.Rcode == dns.RcodeNameError:
		c.deny(m)
		return nil, NoName
	case denied || c.name == start:
		c.deny(m)
		return nil, NoAddress
	}
	return nil, 0
}

func (c *chain) addresses(m *dns.Msg) []netip.Addr {
	var addrs []netip.Addr
	for _, rr := range m.Answer {
		aaaa, ok := rr.(*dns.AAAA)
		if !ok || !c.owns(rr) {
			continue
		}
		ip, ok := netip.AddrFromSlice(aaaa.AAAA)
		if !ok || !ip.Is6() || slices.Contains(addrs, ip) || len(addrs) == maxAddrs {
			continue
		}
		addrs = append(addrs, ip)
		c.atMost(rr.Header().Ttl)
	}
	return addrs
}

func (c *chain) alias(m *dns.Msg) string {
	for _, rr := range m.Answer {
		if cname, ok := rr.(*dns.CNAME); ok && c.owns(rr) {
			c.atMost(rr.Header().Ttl)
			return dns.CanonicalName(cname.Target)
		}
	}
	return ""
}

func isSOA(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }

// deny takes from the SOA record for how long it holds that there is none (RFC 2308,
// section 5): without one, for no time.
func (c *chain) deny(m *dns.Msg) {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			c.atMost(min(soa.Hdr.Ttl, soa.Minttl))
			return
		}
	}
	c.ttl = 0
}

func (c *chain) owns(rr dns.RR) bool {
	h := rr.Header()
	return h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == c.name
}

// atMost lowers the TTL. One with the top bit set counts as zero (RFC 2181, 8).
func (c *chain) atMost(ttl uint32) {
	if ttl > 1<<31-1 {
		ttl = 0
	}
	c.ttl = min(c.ttl, time.Duration(ttl)*time.Second)
}
