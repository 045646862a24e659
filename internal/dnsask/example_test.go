package dnsask_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

func Example() {
	var c dnsask.Client
	m := new(dns.Msg).SetQuestion("www.example.", dns.TypeAAAA)
	m.SetEdns0(dnsask.Size, false)
	if answer, err := c.Ask(context.Background(), netip.MustParseAddrPort("[2001:db8::53]:53"), m); err == nil {
		fmt.Println(answer.Answer)
	}
}
