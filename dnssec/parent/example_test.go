package parent_test

import (
	"context"
	"fmt"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// A person is told once what to do at the registry.
func ExampleManual() {
	driver := &parent.Manual{Tell: func(_ context.Context, c parent.Change) error {
		fmt.Print(c)
		return nil
	}}
	add := []rotate.DS{{Tag: 12345, Algorithm: 13, DigestType: 2, Digest: "00ff"}}
	remove := []rotate.DS{{Tag: 54321, Algorithm: 13, DigestType: 2, Digest: "ff00"}}
	for range 3 {
		if err := driver.Submit(context.Background(), "child.example.", add, remove); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// add child.example. IN DS 12345 13 2 00ff
	// remove child.example. IN DS 54321 13 2 ff00
}

// What an operator's own zone has, so that parents which scan trust the first DS of
// a zone at its name servers.
func ExampleSignalRecords() {
	cds, err := dns.NewRR("child.example. 3600 IN CDS 12345 13 2 00FF")
	if err != nil {
		fmt.Println(err)
		return
	}
	records, err := parent.SignalRecords("child.example.", []string{"ns1.host.test.", "ns.child.example."}, []dns.RR{cds})
	fmt.Println(records[0].Header().Name, len(records), err)
	// Output: _dsboot.child.example._signal.ns1.host.test. 1 <nil>
}
