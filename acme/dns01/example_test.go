package dns01_test

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// printer is a provider that changes nothing.
type printer struct{}

func (printer) AddTXT(_ context.Context, records ...dns01.TXT) error {
	for _, r := range records {
		fmt.Printf("add %s TXT %q\n", r.Name, r.Value)
	}
	return nil
}

func (printer) DeleteTXT(_ context.Context, records ...dns01.TXT) error {
	for _, r := range records {
		fmt.Printf("delete %s TXT %q\n", r.Name, r.Value)
	}
	return nil
}

// A provider adds and deletes exact values.
func ExampleProvider() {
	var p dns01.Provider = printer{}
	record := dns01.TXT{Zone: "example.com.", Name: "_acme-challenge.example.com.", Value: "LoqXcYV8"}
	fmt.Println(p.AddTXT(context.Background(), record), p.DeleteTXT(context.Background(), record))
	// Output:
	// add _acme-challenge.example.com. TXT "LoqXcYV8"
	// delete _acme-challenge.example.com. TXT "LoqXcYV8"
	// <nil> <nil>
}

// visible is a verifier that has seen everything.
type visible struct{}

func (visible) Visible(context.Context, dns01.TXT) (bool, error) { return true, nil }

func (printer) ZoneOf(context.Context, string) (string, error) { return "acme.example.net.", nil }

// A customer's _acme-challenge is an alias of a name in our zone.
func ExampleSolver() {
	ctx := context.Background()
	solver := &dns01.Solver{
		Provider:   printer{},
		Verifier:   visible{},
		Delegation: map[string]string{"example.com": "example-com.acme.example.net"},
	}
	presented, err := solver.Present(ctx, acme.Challenge{Type: acme.DNS01, Identifier: "example.com", TXT: "LoqXcYV8"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(presented.Ready(ctx), presented.CleanUp(ctx))
	// Output:
	// add example-com.acme.example.net. TXT "LoqXcYV8"
	// delete example-com.acme.example.net. TXT "LoqXcYV8"
	// <nil> <nil>
}

// What somebody adds once, so that nothing needs to be added for each certificate.
func ExamplePersistRecord() {
	r := dns01.PersistRecord{Issuer: "ca.example", AccountURL: "https://ca.example/acct/7", Wildcard: true}
	name, err := dns01.RecordName(acme.Challenge{Type: acme.DNSPersist01, Identifier: "example.com"})
	fmt.Printf("%s TXT %q %v\n", name, r.Value(), err)
	// Output:
	// _validation-persist.example.com. TXT "ca.example; accounturi=https://ca.example/acct/7; policy=wildcard" <nil>
}
