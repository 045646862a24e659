package upstream_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/upstream"
)

func Example() {
	ask := &upstream.Client{Servers: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::53]:53")}}
	q := new(dns.Msg).SetQuestion("www.example.", dns.TypeAAAA)
	q.SetEdns0(dnsask.Size, false)
	if answer, err := ask.Ask(context.Background(), q); err == nil {
		fmt.Println(answer.Answer)
	}
}
