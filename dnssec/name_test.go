package dnssec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/stretchr/testify/require"
)

func TestNamesAreCanonical(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, c := range []struct {
		in, out string
		labels  int
		wild    bool
	}{
		{".", ".", 0, false},
		{"Example.ORG", "example.org.", 2, false},
		{"example.org.", "example.org.", 2, false},
		{`\065b\.c.test`, `ab\.c.test.`, 2, false},
		{`\042.test`, "*.test.", 2, true},
		{`\*.test`, "*.test.", 2, true},
		{"*foo.test", "*foo.test.", 2, false},
		{"*.*.test", "*.*.test.", 3, true},
		{`a\000\032\255.test`, `a\000\032\255.test.`, 2, false},
		{`\$ttl.\@.test`, `\$ttl.\@.test.`, 3, false},
		{label + "." + label + "." + label + "." + label[:61], label + "." + label + "." + label + "." + label[:61] + ".", 4, false},
	} {
		n, err := dnssec.ParseName(c.in)
		require.NoError(t, err, c.in)
		require.Equal(t, c.out, n.String(), c.in)
		require.Equal(t, c.labels, n.Labels(), c.in)
		require.Equal(t, c.wild, n.Wildcard(), c.in)
		require.Equal(t, n, name(t, n.String()))
	}
	require.Equal(t, name(t, `\065.test`), name(t, "a.test"))
	require.Equal(t, ".", dnssec.Name{}.String())
}

func TestNamesThatCannotBe(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, in := range []string{
		"", "..", ".a", "a..b", "a..", `a\`, `a\1`, `a\12x`, `a\256`, label + "a",
		label + "." + label + "." + label + "." + label[:62],
	} {
		_, err := dnssec.ParseName(in)
		require.Error(t, err, "%q", in)
	}
}

// The list of RFC 4034, section 6.1.
func TestOrderOfTheRFC(t *testing.T) {
	want := []string{
		"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	names := make([]dnssec.Name, len(want))
	for i, s := range want {
		names[len(want)-1-i] = name(t, s)
	}
	slices.SortFunc(names, dnssec.Name.Compare)
	for i := range want {
		require.Equal(t, want[i], names[i].String())
	}
	// Zeros and ones within labels are less than any longer name's.
	odd := []string{`a`, `x.a`, `a\000`, `x.a\000`, `a\000\000`, `a\001`, `a\002`, `ab`}
	for i := 1; i < len(odd); i++ {
		require.Negative(t, name(t, odd[i-1]).Compare(name(t, odd[i])), "%s %s", odd[i-1], odd[i])
	}
}

// An ancestor is one by labels, not by text.
func TestUnder(t *testing.T) {
	origin := name(t, "hosting.test")
	for s, want := range map[string]bool{
		"hosting.test": true, "www.HOSTING.test": true, "www.xhosting.test": false,
		`www\.hosting.test`: false, "test": false, ".": false, "hosting.test.org": false,
	} {
		require.Equal(t, want, name(t, s).Under(origin), s)
	}
	require.True(t, origin.Under(dnssec.Name{}))
	require.Equal(t, name(t, "test"), origin.Parent())
	require.Equal(t, dnssec.Name{}, dnssec.Name{}.Parent())
}

// Whatever is read is what the library makes of the same text.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{".", "a.b.", `\065.`, `a\.b.c.`, `\000\001.x.`, "*.x.", `\`, "a..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := dnssec.ParseName(s)
		if err != nil {
			return
		}
		again, err := dnssec.ParseName(n.String())
		require.NoError(t, err)
		require.Equal(t, n, again)
		require.Equal(t, 0, n.Compare(again))
		require.True(t, n.Under(n.Parent()))
		if n.Labels() > 0 {
			require.Positive(t, n.Compare(n.Parent()))
		}
		buf := make([]byte, 300)
		end, err := dns.PackDomainName(n.String(), buf, 0, nil, false)
		require.NoError(t, err)
		back, _, err := dns.UnpackDomainName(buf[:end], 0)
		require.NoError(t, err)
		require.Equal(t, n, name(t, back))
	})
}
