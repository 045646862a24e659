package clienthello_test

import (
	"crypto/tls"
	"testing"

	utls "github.com/refraction-networking/utls"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// chrome is the hello of Chrome 133: 1.8 KB, with ECH GREASE and a post-quantum
// key share.
func chrome(t testing.TB) []byte {
	r := &recorder{}
	u := utls.UClient(r, &utls.Config{ServerName: "www.customer-site.example"}, utls.HelloChrome_133)
	require.ErrorIs(t, u.Handshake(), errRecorded)
	return r.wrote
}

func TestNothingIsAllocated(t *testing.T) {
	var info clienthello.Info
	for name, b := range map[string][]byte{
		"Chrome":       chrome(t),
		"early data":   sniproxytest.Hello(site, sniproxytest.HelloOptions{EarlyData: []byte("0-RTT")}),
		"records":      sniproxytest.Hello(site, sniproxytest.HelloOptions{Records: []int{100}, Repeat: true}),
		"tiny records": sniproxytest.Hello(site, sniproxytest.HelloOptions{Records: []int{1}, Repeat: true}),
	} {
		for _, piece := range []int{1, 1 << 16} {
			found := false
			allocs := testing.AllocsPerRun(10, func() {
				var p clienthello.Parser
				status, _, err := arrive(&p, b, piece, &info)
				found = status == clienthello.Complete && err == nil && info.HasALPN("http/1.1")
			})
			require.True(t, found, name)
			require.Zero(t, allocs, name)
		}
	}
	name, dst := []byte("WWW.Site.Example."), make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		dst, _ = clienthello.CanonicalName(dst[:0], name)
	}))
}

func BenchmarkParse(b *testing.B) {
	for name, hello := range map[string][]byte{
		"Chrome133": chrome(b),
		"Go":        goHello(b, &tls.Config{ServerName: site, NextProtos: []string{"h2", "http/1.1"}}),
		"records":   sniproxytest.Hello(site, sniproxytest.HelloOptions{Records: []int{200}, Repeat: true}),
		"bytewise":  chrome(b),
	} {
		b.Run(name, func(b *testing.B) {
			piece := 1 << 16
			if name == "bytewise" {
				piece = 1
			}
			var info clienthello.Info
			b.SetBytes(int64(len(hello)))
			b.ReportAllocs()
			for b.Loop() {
				var p clienthello.Parser
				if status, _, err := arrive(&p, hello, piece, &info); status != clienthello.Complete || err != nil {
					b.Fatal(status, err)
				}
			}
		})
	}
}

// BenchmarkCryptoTLS is the same by a server of crypto/tls that stops at the
// hello.
func BenchmarkCryptoTLS(b *testing.B) {
	hello := chrome(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := oracle(hello); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonicalName(b *testing.B) {
	name, dst := []byte("www.Customer-Site.example"), make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = clienthello.CanonicalName(dst[:0], name); err != nil {
			b.Fatal(err)
		}
	}
}
