package hook_test

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/hook"
)

// memory is a DNS of nothing but what was added.
type memory map[string]bool

func (m memory) AddTXT(_ context.Context, records ...dns01.TXT) error {
	for _, r := range records {
		m[r.Name+" "+r.Value] = true
	}
	return nil
}

func (m memory) DeleteTXT(_ context.Context, records ...dns01.TXT) error {
	for _, r := range records {
		delete(m, r.Name+" "+r.Value)
	}
	return nil
}

func (memory) ZoneOf(context.Context, string) (string, error) { return "example.com.", nil }
func (m memory) Visible(_ context.Context, r dns01.TXT) (bool, error) {
	return m[r.Name+" "+r.Value], nil
}

// A hook of dehydrated: two calls, which are two processes in truth.
func Example() {
	records := memory{}
	h := &hook.Hook{Solver: &dns01.Solver{Provider: records, Verifier: records}}
	args := []string{"www.example.com", "token", "-3Vkn7VqgX5Ga1y7k2tBaGgYVYn8L6SYf4Zp0aXr5mQ"}
	fmt.Println(h.Dehydrated(context.Background(), append([]string{"deploy_challenge"}, args...)))
	fmt.Println(records)
	fmt.Println(h.Dehydrated(context.Background(), append([]string{"clean_challenge"}, args...)))
	fmt.Println(records)
	// Output:
	// <nil>
	// map[_acme-challenge.www.example.com. -3Vkn7VqgX5Ga1y7k2tBaGgYVYn8L6SYf4Zp0aXr5mQ:true]
	// <nil>
	// map[]
}
