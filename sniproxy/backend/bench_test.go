package backend_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

func BenchmarkGuardCheck(b *testing.B) {
	own := &backend.OwnAddrs{}
	g := &backend.Guard{Allow: []netip.Prefix{customers}, Self: own.Addrs}
	addr := netip.AddrPortFrom(good, 443)
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Check(addr); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPoolReady(b *testing.B) {
	list := members(a, netip.MustParseAddrPort("[2001:db8::b]:443"), c)
	for _, balance := range []backend.Balance{backend.RoundRobin, backend.LeastConnections, backend.Sticky} {
		b.Run(balance.String(), func(b *testing.B) {
			p := &backend.Pool{Members: list, Balance: balance}
			buf := make([]netip.AddrPort, 0, backend.MaxRace)
			b.ReportAllocs()
			for b.Loop() {
				got, _, err := p.Ready(buf[:0], query)
				if err != nil {
					b.Fatal(err)
				}
				p.Report(got[0], nil, time.Millisecond)
				p.Closed(got[0])
			}
		})
	}
}

// A name that is cached, among ten thousand, with two addresses.
func BenchmarkLookupReady(b *testing.B) {
	var r sniproxytest.Resolver
	cache := &backend.Cache{Resolver: &r, Burst: -1}
	defer cache.Close()
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("www.customer%d.example", i)
		r.Set(names[i], sniproxytest.Answer{Addrs: []netip.Addr{good, good2}})
		if _, err := cache.Lookup(b.Context(), names[i], client); err != nil {
			b.Fatal(err)
		}
	}
	l := &backend.Lookup{Cache: cache, Guard: &backend.Guard{Allow: []netip.Prefix{customers}}}
	dst := make([]netip.AddrPort, 0, backend.MaxRace)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		got, ok, err := l.Ready(dst, backend.Query{Name: names[i%len(names)], Client: client, Port: 443})
		if !ok || err != nil || len(got) != 2 {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkSourceNAT46(b *testing.B) {
	s := &backend.Source{NAT46: netip.MustParsePrefix("64:ff9b:1::/96")}
	b.ReportAllocs()
	for b.Loop() {
		if addr, _ := s.Addr(client); !addr.IsValid() {
			b.Fatal("no address")
		}
	}
}

func BenchmarkRace(b *testing.B) {
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		var r backend.Race
		r.Start(2, now)
		i, _ := r.Next(now)
		r.Connected(i)
	}
}
