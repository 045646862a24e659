package online_test

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

func BenchmarkRemembered(b *testing.B) {
	s, _ := server(b, parse(b, shapes))
	req := question("mail.hosting.test.", dns.TypeA, true)
	b.ReportAllocs()
	for b.Loop() {
		s.Respond(b.Context(), req, true)
	}
}

func BenchmarkNewName(b *testing.B) {
	s, _ := server(b, parse(b, shapes))
	s.SignRate = 1 << 30
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		s.Respond(b.Context(), question(fmt.Sprintf("r%d.hosting.test.", i), dns.TypeA, true), true)
	}
}

// What a flood beyond the rate costs.
func BenchmarkRefused(b *testing.B) {
	s, _ := server(b, parse(b, shapes))
	s.SignRate = 1
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		s.Respond(b.Context(), question(fmt.Sprintf("r%d.hosting.test.", i), dns.TypeA, true), true)
	}
}
