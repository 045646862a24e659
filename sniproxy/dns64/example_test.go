package dns64_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/dns64"
)

// recursive knows one name, which has only an IPv4 address.
type recursive struct{}

func (recursive) Ask(_ context.Context, q *dns.Msg) (*dns.Msg, error) {
	r := new(dns.Msg).SetReply(q)
	if q.Question[0].Qtype == dns.TypeA {
		rr, err := dns.NewRR("www.example. 300 IN A 192.0.2.33")
		r.Answer = []dns.RR{rr}
		return r, err
	}
	return r, nil
}

func Example() {
	h := &dns64.Handler{
		Upstream: recursive{}, // in earnest: &dns64.Forwarder{Servers: …}
		Clients:  []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")},
	}
	r := h.Answer(context.Background(), new(dns.Msg).SetQuestion("www.example.", dns.TypeAAAA))
	fmt.Println(r.Answer[0])
	// Output: www.example.	300	IN	AAAA	64:ff9b::c000:221
}

func ExampleEmbed() {
	p := netip.MustParsePrefix("2001:db8:122:344::/64")
	addr := dns64.Embed(p, netip.MustParseAddr("192.0.2.33"))
	fmt.Println(addr)
	fmt.Println(dns64.Extract(p, addr))
	// Output:
	// 2001:db8:122:344:c0:2:2100:0
	// 192.0.2.33 true
}
