package dnssectest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/dnssectest"
)

// A gate before publication is tried with a zone that has one fault.
func Example() {
	now := time.Now()
	fixture, err := dnssectest.NewFixture(dnssec.NSEC, dnssec.ECDSAP256SHA256, now)
	if err != nil {
		log.Fatal(err)
	}
	broken, err := dnssectest.Mutate(fixture, "bitmap-lacks-type")
	if err != nil {
		log.Fatal(err)
	}
	err = dnssec.Verify(context.Background(), broken, dnssec.VerifyOptions{At: now})
	for _, f := range dnssec.Findings(err) {
		fmt.Println(f.Name, f.Rule)
		fmt.Println(f.Why)
	}
	// Output:
	// mail.example.test. type bit map
	// it lacks [AAAA] and has [] too many
}
