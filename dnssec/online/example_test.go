package online_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/online"
)

// A name that is not there is said to be, with no types but NXNAME.
func Example() {
	zone, err := dnssec.ParseZone(strings.NewReader(`
@    3600 SOA ns.other.test. hostmaster 1 7200 3600 1209600 900
@    3600 NS  ns.other.test.
www  3600 A   192.0.2.1
`), "example.org", dnssec.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := dnssec.GenerateKey("example.org", dnssec.KeyOptions{SEP: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	s := &online.Server{
		Zone:   "example.org",
		Lookup: online.FromZone(func() *dnssec.Zone { return zone }),
		Keys:   func() []dnssec.KeyUse { return []dnssec.KeyUse{dnssec.CSK(key)} },
	}
	req := new(dns.Msg).SetQuestion("nope.example.org.", dns.TypeA)
	req.SetEdns0(1232, true)
	for _, rr := range s.Respond(context.Background(), req, true).Ns {
		if nsec, ok := rr.(*dns.NSEC); ok {
			fmt.Println(nsec)
		}
	}
	// Output: nope.example.org.	900	IN	NSEC	\000.nope.example.org. RRSIG NSEC NXNAME
}
