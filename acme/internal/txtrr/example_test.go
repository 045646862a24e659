package txtrr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/internal/txtrr"
)

func Example() {
	value := strings.Repeat("a", 300) + `"`
	rr := &dns.TXT{Txt: txtrr.Strings(value)}
	fmt.Println(len(rr.Txt), txtrr.Value(rr) == value)
	// Output: 2 true
}

// What a record says stays the same over the wire, whatever its bytes.
func FuzzValue(f *testing.F) {
	for _, value := range []string{"", "-a_b", `a\b"c`, "\x00\xff\n", `\065`, strings.Repeat("é", 300)} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > 60000 {
			return
		}
		header := dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}
		rr := &dns.TXT{Hdr: header, Txt: txtrr.Strings(value)}
		require.Equal(t, value, txtrr.Value(rr))
		packed := make([]byte, 1<<16)
		n, err := dns.PackRR(rr, packed, 0, nil, false)
		require.NoError(t, err)
		back, _, err := dns.UnpackRR(packed[:n], 0)
		require.NoError(t, err)
		require.Equal(t, value, txtrr.Value(back.(*dns.TXT)))
		require.True(t, txtrr.Has([]dns.RR{back}, "A.example.", value))
		require.False(t, txtrr.Has([]dns.RR{back}, "b.example.", value))
	})
}
