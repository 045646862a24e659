package epp_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/parent/epp"
	"github.com/mythic-beasts/hostkit/dnssec/parent/epp/epptest"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// A change is sent once; the second time there is nothing to change.
func ExampleClient() {
	// A fake registry: with a real one, only Addr, User and Password are needed.
	var t exampleT
	defer t.end()
	registry := epptest.New(&t, epptest.Options{})
	registry.SetDomain("child.example", epptest.Domain{})
	client := &epp.Client{Addr: registry.Addr(), TLS: registry.TLS(), User: "registrar", Password: "password"}

	add := []rotate.DS{{Tag: 12345, Algorithm: 13, DigestType: 2, Digest: "00ff"}}
	for range 2 {
		if err := client.Submit(context.Background(), "child.example.", add, nil); err != nil {
			fmt.Println(err)
		}
	}
	facts, err := client.Observe(context.Background(), "child.example.")
	fmt.Println(facts.Servers[0].DS, err)
	fmt.Println(registry.Commands())
	// Output:
	// [12345 13 2 00ff] <nil>
	// [greeting login info update info info]
}

// exampleT is a testing.TB outside of a test.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (t *exampleT) Helper() {}

func (t *exampleT) Cleanup(fn func()) { t.cleanups = append(t.cleanups, fn) }

func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (t *exampleT) end() {
	for _, fn := range t.cleanups {
		fn()
	}
}
