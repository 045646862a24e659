package rfc2136_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/rfc2136"
)

// A solver for a zone whose primary takes updates that a key signs. The secret is not
// printed.
func Example() {
	solver := &dns01.Solver{Provider: &rfc2136.Provider{
		Server: "ns1.example.com",
		Key:    rfc2136.TSIG{Name: "acme.example.com", Secret: "c2VjcmV0"},
	}}
	fmt.Printf("%+v\n", solver.Provider.(*rfc2136.Provider).Key)
	// Output: {Name:acme.example.com Algorithm: Secret:[redacted]}
}
