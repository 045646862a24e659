package answer_test

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer"
)

// A question for a name that the server has no zone of.
func Example() {
	zone, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA ns.other.test. host 1 2 3 4 5\n"), "example.org", dnssec.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	zones := map[dnssec.Name]*dnssec.Zone{zone.Origin(): zone}
	req := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
	found := answer.Find(req.Question[0], func(n dnssec.Name) *dnssec.Zone { return zones[n] })
	m := answer.Respond(found, req, answer.Options{UDP: true})
	fmt.Println(dns.RcodeToString[m.Rcode])
	// Output: REFUSED
}
