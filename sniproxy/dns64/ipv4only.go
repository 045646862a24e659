package dns64

import (
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// ipv4only is the name by which clients find the prefixes (RFC 7050): it has these
// two addresses, and no IPv6 address but those that a DNS64 makes. RFC 8880 wants it
// answered here and not upstream.
const ipv4only = "ipv4only.arpa."

// specialTTL is that of answers about it, in seconds.
const specialTTL = 3600

var ipv4onlyAddrs = []netip.Addr{netip.MustParseAddr("192.0.0.170"), netip.MustParseAddr("192.0.0.171")}

// special answers questions about ipv4only.arpa and its reverse names (RFC 8880,
// section 7). It is nil for other names, and for DS records, which are the parent's.
func (h *Handler) special(q *dns.Msg) *dns.Msg {
	asked := q.Question[0]
	name := dns.CanonicalName(asked.Name)
	below := strings.HasSuffix(name, "."+ipv4only)
	switch {
	case asked.Qtype == dns.TypeDS && !below:
		return nil
	case name == ipv4only:
		return h.ipv4only(q)
	case below:
		return denied(q, dns.RcodeNameError, ipv4only)
	}
	return reverseOfIPv4only(q, name)
}

func (h *Handler) ipv4only(q *dns.Msg) *dns.Msg {
	asked := q.Question[0]
	r := code(q, dns.RcodeSuccess)
	switch asked.Qtype {
	case dns.TypeA:
		for _, v4 := range ipv4onlyAddrs {
			r.Answer = append(r.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: asked.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: specialTTL},
				A:   net.IP(v4.AsSlice()),
			})
		}
	case dns.TypeAAAA:
		for _, p := range h.prefixes() {
			for _, v4 := range ipv4onlyAddrs {
				r.Answer = append(r.Answer, record(asked.Name, specialTTL, Embed(p, v4)))
			}
		}
	default:
		return denied(q, dns.RcodeSuccess, ipv4only)
	}
	return r
}

// reverseOfIPv4only answers for the reverse names of the two addresses, and is nil for others.
func reverseOfIPv4only(q *dns.Msg, name string) *dns.Msg {
	if name != "170.0.0.192.in-addr.arpa." && name != "171.0.0.192.in-addr.arpa." {
		return nil
	}
	if q.Question[0].Qtype != dns.TypePTR {
		return denied(q, dns.RcodeSuccess, name)
	}
	r := code(q, dns.RcodeSuccess)
	r.Answer = append(r.Answer, &dns.PTR{
		Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: specialTTL},
		Ptr: ipv4only,
	})
	return r
}

func denied(q *dns.Msg, rcode int, zone string) *dns.Msg {
	r := code(q, rcode)
	r.Ns = append(r.Ns, &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: specialTTL},
		Ns:  zone, Mbox: "nobody.invalid.", Serial: 1, Refresh: specialTTL, Retry: specialTTL, Expire: specialTTL, Minttl: specialTTL,
	})
	return r
}
