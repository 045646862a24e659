package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func Example() {
	ctx := context.Background()
	l, err := audit.Open(audit.Options{}) // in memory
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	action, err := l.Begin(ctx, audit.Entry{
		Actor:  audit.Actor{Name: "noc", By: audit.Session, From: netip.MustParseAddr("192.0.2.7")},
		Action: "pi.power", Kind: "pi", Thing: "pi-01", Owner: "alice", Detail: "off", Why: "smoke",
	})
	if err != nil {
		log.Fatal(err) // what cannot be written down is not done
	}
	_ = action.End(errors.New("the switch does not answer"))

	entries, err := l.Query(ctx, audit.Filter{Viewer: audit.Viewer{Name: "alice"}})
	for _, e := range entries {
		fmt.Println(e.Name, e.Action, e.Detail, e.Thing, e.Outcome, e.Problem)
	}
	fmt.Println(err)
	// Output:
	// noc pi.power off pi-01 failed the switch does not answer
	// <nil>
}
