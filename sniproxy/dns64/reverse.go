package dns64

import (
	"context"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// ptr answers for addresses within a prefix with an alias to the name of the IPv4
// address, and what that is an alias of (RFC 6147, section 5.3.1). It is nil for
// other names.
func (h *Handler) ptr(ctx context.Context, q *dns.Msg) *dns.Msg {
	name := q.Question[0].Name
	v4, ok := h.translated(name)
	if !ok {
		return nil
	}
	target, err := dns.ReverseAddr(v4.String())
	if err != nil {
		return nil
	}
	r := reverseOfIPv4only(q, target)
	if r == nil {
		r = h.pass(q, h.ask(ctx, q, target, dns.TypePTR))
	}
	alias := &dns.CNAME{
		Hdr:    dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: noSOA},
		Target: target,
	}
	r.Answer = append([]dns.RR{alias}, r.Answer...)
	r.AuthenticatedData = false
	return r
}

// translated returns the IPv4 address whose name in ip6.arpa this is.
func (h *Handler) translated(name string) (netip.Addr, bool) {
	addr, ok := parseReverse(name)
	if !ok {
		return netip.Addr{}, false
	}
	for _, p := range h.prefixes() {
		if v4, ok := Extract(p, addr); ok {
			return v4, true
		}
	}
	return netip.Addr{}, false
}

// parseReverse reads a name such as 1.0…8.b.d.0.1.0.0.2.ip6.arpa.
func parseReverse(name string) (addr netip.Addr, ok bool) {
	nibbles, ok := strings.CutSuffix(dns.CanonicalName(name), ".ip6.arpa.")
	if !ok || len(nibbles) != 63 {
		return netip.Addr{}, false
	}
	var b [16]byte
	for i := range 32 {
		if i > 0 && nibbles[2*i-1] != '.' {
			return netip.Addr{}, false
		}
		value := strings.IndexByte("0123456789abcdef", nibbles[2*i])
		if value < 0 {
			return netip.Addr{}, false
		}
		b[15-i/2] |= byte(value) << (4 * (i % 2))
	}
	return netip.AddrFrom16(b), true
}
