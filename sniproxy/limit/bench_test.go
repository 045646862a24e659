package limit_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/limit"
)

// TestAllocations: none for whoever is known, whoever is new and whoever is
// refused.
func TestAllocations(t *testing.T) {
	l := &limit.Limiter{
		PerClient:  limit.Limit{Conns: 1, Rate: 0.001, Burst: 10},
		PerSite:    limit.Limit{Conns: 100},
		Total:      limit.Limit{Conns: 100},
		MaxClients: 256,
	}
	n := uint32(0)
	step := func() {
		n++
		addr := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		lease, err := l.Acquire(addr, "a.example")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Acquire(addr, "a.example"); err == nil {
			t.Fatal("not refused")
		}
		lease.Release()
	}
	for range 5000 { // until the tables have grown
		step()
	}
	require.Zero(t, testing.AllocsPerRun(2000, step))
}

func BenchmarkAcquire(b *testing.B) {
	l := &limit.Limiter{
		PerClient:  limit.Limit{Conns: 100, Rate: 1e9, Burst: 1 << 30},
		PerSite:    limit.Limit{Conns: 1000},
		Total:      limit.Limit{Conns: 10000, Rate: 1e9, Burst: 1 << 30},
		MaxClients: 4096,
	}
	b.Run("known", func(b *testing.B) {
		if _, err := l.Acquire(alice, "a.example"); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			lease, err := l.Acquire(alice, "a.example")
			if err != nil {
				b.Fatal(err)
			}
			lease.Release()
		}
	})
	b.Run("flood", func(b *testing.B) {
		b.ReportAllocs()
		n := uint32(0)
		for b.Loop() {
			n++
			lease, err := l.Client(netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}))
			if err != nil {
				b.Fatal(err)
			}
			lease.Release()
		}
	})
	b.Run("none", func(b *testing.B) {
		var l limit.Limiter
		b.ReportAllocs()
		for b.Loop() {
			lease, _ := l.Acquire(alice, "a.example")
			lease.Release()
		}
	})
}
