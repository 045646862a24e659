package dns64

import (
	"context"
	"net/netip"

	"github.com/miekg/dns"
)

// noSOA bounds the TTL of a synthesised record when nobody says for how long there
// is no AAAA record (RFC 6147, section 5.1.7).
const noSOA = 600

// aaaa answers a question for AAAA records (RFC 6147, section 5.1).
func (h *Handler) aaaa(ctx context.Context, q *dns.Msg) *dns.Msg {
	name := q.Question[0].Name
	six := h.pass(q, h.ask(ctx, q, name, dns.TypeAAAA))
	if six.Rcode == dns.RcodeNameError || six.Rcode == dns.RcodeSuccess && h.real(six) {
		return six
	}
	four := h.pass(q, h.ask(ctx, q, name, dns.TypeA))
	if four.Rcode == dns.RcodeSuccess && h.synthesise(four, negativeTTL(six)) {
		return four
	}
	switch {
	case six.Rcode != dns.RcodeSuccess && four.Rcode == dns.RcodeNameError:
		return four
	case six.Rcode == dns.RcodeSuccess && four.Rcode != dns.RcodeSuccess && four.Rcode != dns.RcodeNameError:
		// That there is no address must not be believed, and kept, just because
		// the A records cannot be had now.
		return code(q, four.Rcode)
	}
	return six
}

// real takes out the AAAA records that count as none (RFC 6147, section 5.1.4), and
// reports whether others are left.
func (h *Handler) real(six *dns.Msg) bool {
	exclude := h.Exclude
	if exclude == nil {
		exclude = mapped
	}
	kept, left, out := six.Answer[:0:0], false, false
	for _, rr := range six.Answer {
		if aaaa, ok := rr.(*dns.AAAA); ok {
			if addr, ok := netip.AddrFromSlice(aaaa.AAAA); !ok || excluded(addr, exclude) {
				out = true
				continue
			}
			left = true
		}
		kept = append(kept, rr)
	}
	if out {
		six.Answer = withoutSignatures(kept, dns.TypeAAAA)
		six.AuthenticatedData = false
	}
	return left
}

// excluded looks at IPv4-mapped addresses as the IPv6 addresses that they are on the
// wire, which netip.Prefix.Contains does not.
func excluded(addr netip.Addr, list []netip.Prefix) bool {
	b := addr.As16()
	for _, p := range list {
		if !p.Addr().Is6() {
			continue
		}
		in := p.Addr().As16()
		same := true
		for bit := range p.Bits() {
			same = same && (b[bit/8]^in[bit/8])>>(7-bit%8)&1 == 0
		}
		if same {
			return true
		}
	}
	return false
}

// synthesise turns the A records of an answer into AAAA records that live no longer
// than ttl. Aliases stay (RFC 6147, section 5.1.5). It reports whether there are any.
func (h *Handler) synthesise(four *dns.Msg, ttl uint32) bool {
	answer, made := four.Answer[:0:0], false
	for _, rr := range four.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			v4, _ := netip.AddrFromSlice(rr.A)
			for _, p := range h.prefixes() {
				if h.reachable(v4.Unmap(), p) {
					made = true
					answer = append(answer, record(rr.Hdr.Name, min(rr.Hdr.Ttl, ttl), Embed(p, v4)))
				}
			}
		case *dns.CNAME, *dns.DNAME, *dns.RRSIG:
			answer = append(answer, rr)
		}
	}
	four.Answer = withoutSignatures(answer, dns.TypeA)
	four.AuthenticatedData = false // nobody has signed this
	return made
}

// reachable reports whether an IPv4 address is one that the NAT64 of p may lead to.
func (h *Handler) reachable(v4 netip.Addr, p netip.Prefix) bool {
	return v4.Is4() && !within(v4, nowhere) && !within(v4, h.ExcludeIPv4) && !(p == WellKnown && within(v4, private))
}

func record(name string, ttl uint32, addr netip.Addr) *dns.AAAA {
	return &dns.AAAA{
		Hdr:  dns.RR_Header{Name: name, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: ttl},
		AAAA: addr.AsSlice(),
	}
}

// withoutSignatures takes out the signatures over records that were changed.
func withoutSignatures(rrs []dns.RR, covered uint16) []dns.RR {
	kept := rrs[:0]
	for _, rr := range rrs {
		if sig, ok := rr.(*dns.RRSIG); !ok || sig.TypeCovered != covered {
			kept = append(kept, rr)
		}
	}
	return kept
}

// negativeTTL is for how long there is no AAAA record (RFC 2308, section 5).
func negativeTTL(six *dns.Msg) uint32 {
	for _, rr := range six.Ns {
		if soa, ok := rr.(*dns.SOA); ok && six.Rcode == dns.RcodeSuccess {
			return min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return noSOA
}
