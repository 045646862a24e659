package dnssec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// bigZone is a zone of about n names.
func bigZone(b testing.TB, n int) *dnssec.Zone {
	var text strings.Builder
	text.WriteString("@ 3600 SOA ns1 hostmaster 1 7200 3600 604800 900\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n")
	for i := range n {
		switch i % 10 {
		case 0:
			fmt.Fprintf(&text, "d%d 3600 NS ns.d%d\nns.d%d 3600 A 192.0.2.2\n", i, i, i)
		case 1:
			fmt.Fprintf(&text, "c%d 3600 CNAME ns1\n", i)
		default:
			fmt.Fprintf(&text, "h%d 3600 A 192.0.2.3\n", i)
		}
	}
	return parse(b, text.String())
}

func BenchmarkParseZone(b *testing.B) {
	var text strings.Builder
	if _, err := bigZone(b, 10_000).WriteTo(&text); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		parse(b, text.String())
	}
}

func BenchmarkUpdateAndDiff(b *testing.B) {
	z := bigZone(b, 100_000)
	r, err := dns.NewRR("_acme-challenge.h55.hosting.test. 60 TXT token")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		next, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(r) })
		if err != nil {
			b.Fatal(err)
		}
		if _, added := dnssec.Diff(z, next); len(added) != 1 {
			b.Fatal(added)
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	z := bigZone(b, 100_000)
	name, err := dnssec.ParseName("a.b.h99999.hosting.test")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		z.Place(name)
	}
}

// Signing 10,000 names whole, and again after one record more.
func BenchmarkSign(b *testing.B) {
	z, keys := bigZone(b, 10_000), pair(b, dnssec.ECDSAP256SHA256)
	for what, denial := range denials {
		b.Run(what, func(b *testing.B) {
			s := &dnssec.Signer{Denial: denial}
			b.ReportAllocs()
			sigs := 0
			for b.Loop() {
				_, report := sign(b, s, z, nil, keys, now())
				sigs += report.Signed
			}
			b.ReportMetric(float64(sigs)/b.Elapsed().Seconds(), "sigs/s")
		})
	}
}

func BenchmarkSignAgain(b *testing.B) {
	z, keys := bigZone(b, 100_000), pair(b, dnssec.ECDSAP256SHA256)
	s := &dnssec.Signer{}
	signed, _ := sign(b, s, z, nil, keys, now())
	z, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(rr(b, "_acme-challenge.h55.hosting.test. 60 TXT token")) })
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, report := sign(b, s, z, signed, keys, now()); report.Signed != 4 {
			b.Fatal(report)
		}
	}
}

// One record more in a zone that was signed before: what an ACME challenge costs.
func BenchmarkSignOneRecord(b *testing.B) {
	for _, names := range []int{1000, 100_000} {
		for what, denial := range denials {
			b.Run(fmt.Sprintf("%s %d", what, names), func(b *testing.B) { signOneRecord(b, names, denial) })
		}
	}
}

func signOneRecord(b *testing.B, names int, denial dnssec.Denial) {
	z, keys := bigZone(b, names), pair(b, dnssec.ECDSAP256SHA256)
	s := &dnssec.Signer{Denial: denial}
	signed, _ := sign(b, s, z, nil, keys, now())
	token := rr(b, "_acme-challenge.h55.hosting.test. 60 TXT token")
	b.ReportAllocs()
	for b.Loop() {
		next, err := z.Update(func(tx *dnssec.Tx) error { return tx.Add(token) })
		if err != nil {
			b.Fatal(err)
		}
		if _, report := sign(b, s, next, signed, keys, now()); report.Signed > 5 {
			b.Fatal(report)
		}
	}
}

// A zone in which nothing is due.
func BenchmarkSignNothing(b *testing.B) {
	z, keys := bigZone(b, 100_000), pair(b, dnssec.ECDSAP256SHA256)
	s := &dnssec.Signer{}
	signed, _ := sign(b, s, z, nil, keys, now())
	b.ReportAllocs()
	for b.Loop() {
		if _, report := sign(b, s, z, signed, keys, now()); report.Changed {
			b.Fatal(report)
		}
	}
}
