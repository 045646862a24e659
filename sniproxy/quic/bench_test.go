package quic_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
)

// BenchmarkCollector reads the name from a classical hello, in one datagram, and
// from a post-quantum one, in two: keys, decryption, joining, parsing.
func BenchmarkCollector(b *testing.B) {
	for name, datagrams := range map[string][][]byte{"classical": {classical(site)}, "post-quantum": quantum(site)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var info clienthello.Info
			for b.Loop() {
				var c quic.Collector
				var status clienthello.Status
				for _, d := range datagrams {
					status, _ = c.Add(d, &info)
				}
				if status != clienthello.Complete {
					b.Fatal(status)
				}
			}
		})
	}
}
