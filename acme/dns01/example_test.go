package dns01_test

import (
	"context"
	"fmt"

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
