package dnssec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

// The octets are those of the records.
func TestWireIsAll(t *testing.T) {
	z, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 30 A 192.0.2.1\nns 30 A 192.0.2.2\n\\042foo 9 TXT \"a\"\n"), "Example.org", dnssec.Options{})
	require.NoError(t, err)
	var got []string
	for set := range z.Wire() {
		for _, data := range set.Data {
			msg := []byte(set.Owner + "\x00")
			msg = append(msg, byte(set.Type>>8), byte(set.Type), 0, 1)
			msg = append(msg, byte(set.TTL>>24), byte(set.TTL>>16), byte(set.TTL>>8), byte(set.TTL))
			msg = append(msg, byte(len(data)>>8), byte(len(data)))
			rr, end, err := dns.UnpackRR(append(msg, data...), 0)
			require.NoError(t, err)
			require.Equal(t, len(msg)+len(data), end)
			got = append(got, rr.String())
		}
	}
	var want []string
	for rr := range z.All() {
		want = append(want, rr.String())
	}
	require.Equal(t, want, got)
	for range z.Wire() {
		break
	}
}

// A change is apart, and what was read anew is so as a whole.
func TestApart(t *testing.T) {
	var text strings.Builder
	text.WriteString("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 30 A 192.0.2.1\n")
	for i := range 5000 {
		fmt.Fprintf(&text, "h%d 60 A 192.0.2.2\n", i)
	}
	a, err := dnssec.ParseZone(strings.NewReader(text.String()), "example.org", dnssec.Options{})
	require.NoError(t, err)
	b, err := a.Update(func(tx *dnssec.Tx) error {
		rr, err := dns.NewRR("h7.example.org. 60 A 192.0.2.3")
		require.NoError(t, err)
		return tx.Add(rr)
	})
	require.NoError(t, err)
	again, err := dnssec.ParseZone(strings.NewReader(text.String()), "example.org", dnssec.Options{})
	require.NoError(t, err)
	require.Zero(t, a.Apart(a))
	require.Equal(t, 2, b.Apart(a))
	require.Equal(t, 1, a.Apart(b))
	require.Equal(t, 5003, a.Apart(again))
}
