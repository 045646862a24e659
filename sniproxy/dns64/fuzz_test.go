package dns64_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
)

// FuzzAnswer asks anything and answers anything from upstream: there is an answer, it
// is one to the question, and it can be sent.
func FuzzAnswer(f *testing.F) {
	message := func(records ...string) []byte {
		m := new(dns.Msg).SetQuestion("x.example.", dns.TypeAAAA)
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		return wire
	}
	reverse := new(dns.Msg).SetQuestion("1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.", dns.TypePTR)
	wire, err := reverse.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message(), message(), message("x.example. 60 IN A 192.0.2.1"))
	f.Add(message(), message("x.example. 60 IN AAAA ::ffff:192.0.2.1"), message("x.example. 60 IN CNAME y.example.", "y.example. 60 IN A 10.0.0.1"))
	f.Add(wire, message(), message("33.2.0.192.in-addr.arpa. 60 IN PTR x.example."))
	f.Fuzz(func(t *testing.T, question, first, second []byte) {
		q := new(dns.Msg)
		if q.Unpack(question) != nil {
			return
		}
		answers := [][]byte{first, second}
		h := &dns64.Handler{Upstream: upstream(func(asked *dns.Msg) (*dns.Msg, error) {
			if _, err := asked.Pack(); err != nil {
				t.Fatalf("a question that cannot be sent: %v", err)
			}
			r := new(dns.Msg)
			if len(answers) == 0 || r.Unpack(answers[0]) != nil {
				return nil, errors.New("no answer")
			}
			answers = answers[1:]
			return r, nil
		})}
		r := h.Answer(t.Context(), q)
		if r.Id != q.Id || !r.Response || len(q.Question) == 1 && r.Question[0] != q.Question[0] {
			t.Fatalf("%v does not answer %v", r, q)
		}
		r.Compress = true
		r.Truncate(dns.MinMsgSize)
		if _, err := r.Pack(); err != nil {
			t.Fatalf("cannot be sent: %v", err)
		}
		for _, rr := range r.Answer {
			aaaa, ok := rr.(*dns.AAAA)
			if !ok {
				continue
			}
			addr, _ := netip.AddrFromSlice(aaaa.AAAA)
			if v4, ok := dns64.Extract(dns64.WellKnown, addr); ok && v4.IsLoopback() && r.Question[0].Qtype == dns.TypeAAAA && len(answers) == 0 {
				t.Fatalf("loopback within the prefix: %v", r)
			}
		}
	})
}
