package answertest_test

import (
	"fmt"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/internal/answer/answertest"
)

// An empty answer proves nothing.
func Example() {
	m := new(dns.Msg).SetQuestion("www.example.org.", dns.TypeA)
	fmt.Println(answertest.Judge{Zone: "example.org."}.Check(m))
	// Output: answertest: www.example.org. A: neither an answer nor a SOA nor a referral
}
