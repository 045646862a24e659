package acme_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
)

// printer is a solver for a zone that somebody edits by hand.
type printer struct{}

func (printer) Present(_ context.Context, ch acme.Challenge) (acme.Presented, error) {
	fmt.Printf("add a TXT record of %d characters to _acme-challenge.%s\n", len(ch.TXT), ch.Identifier)
	return printer{}, nil
}

func (printer) Ready(context.Context) error   { return nil }
func (printer) CleanUp(context.Context) error { fmt.Println("remove it"); return nil }

func Example() {
	ca := acmetest.NewCA(new(testing.T), acmetest.CAOptions{InMemory: true})
	key, err := acme.NewKey(acme.EC256)
	if err != nil {
		log.Fatal(err)
	}
	client := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key, AcceptTerms: true}
	cert, err := client.Obtain(context.Background(), acme.Request{Names: []string{"*.example.org"}}, printer{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.Leaf.DNSNames, len(cert.Chain))
	// Output:
	// add a TXT record of 43 characters to _acme-challenge.example.org
	// remove it
	// [*.example.org] 2
}
