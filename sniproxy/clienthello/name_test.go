package clienthello_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

func TestCanonicalName(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	longest := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61)
	require.Len(t, longest, 253)
	for _, tc := range []struct {
		name, want string
		reason     clienthello.Reason
	}{
		{name: "www.example.com", want: "www.example.com"},
		{name: "WWW.eXaMpLe.COM", want: "www.example.com"},
		{name: "www.example.com.", want: "www.example.com"},
		{name: "localhost", want: "localhost"},
		{name: "_dmarc.my_site-.example", want: "_dmarc.my_site-.example"},
		{name: "-a.example", want: "-a.example"},
		{name: "xn--bcher-kva.example", want: "xn--bcher-kva.example"},
		{name: "4.2.0.192.in-addr.arpa", want: "4.2.0.192.in-addr.arpa"}, // RFC 8738
		{name: "1a", want: "1a"},
		{name: "a.0y1", want: "a.0y1"},
		{name: longest, want: longest},
		{name: longest + ".", want: longest},
		{name: "", reason: clienthello.NameEmpty},
		{name: ".", reason: clienthello.NameEmpty},
		{name: longest + "b", reason: clienthello.NameTooLong},
		{name: label63 + "a.example", reason: clienthello.LabelTooLong},
		{name: "example." + label63 + "a", reason: clienthello.LabelTooLong},
		{name: "..", reason: clienthello.LabelEmpty},
		{name: "www.example.com..", reason: clienthello.LabelEmpty},
		{name: ".example.com", reason: clienthello.LabelEmpty},
		{name: "a..b", reason: clienthello.LabelEmpty},
		{name: "a\x00b.example", reason: clienthello.NameNUL},
		{name: "a b", reason: clienthello.NameCharacter},
		{name: "*.example.com", reason: clienthello.NameCharacter},
		{name: "a\n.example", reason: clienthello.NameCharacter},
		{name: "a\x7f.example", reason: clienthello.NameCharacter},
		{name: "a\xff.example", reason: clienthello.NameCharacter},
		{name: "example.com:443", reason: clienthello.NameCharacter},
		{name: "192.0.2.1", reason: clienthello.IPLiteral},
		{name: "192.0.2.1.", reason: clienthello.IPLiteral},
		{name: "192.0.513", reason: clienthello.IPLiteral},
		{name: "3221225985", reason: clienthello.IPLiteral},
		{name: "0xC0000201", reason: clienthello.IPLiteral},
		{name: "example.0x", reason: clienthello.IPLiteral},
		{name: "::1", reason: clienthello.IPLiteral},
		{name: "[2001:db8::1]", reason: clienthello.IPLiteral},
		{name: "fe80::1%eth0", reason: clienthello.IPLiteral},
		{name: "[not an address", reason: clienthello.NameCharacter},
	} {
		given := []byte(tc.name)
		got, err := clienthello.CanonicalName([]byte("dst:"), given)
		require.Equal(t, tc.name, string(given), "the argument stays as it was")
		if tc.reason == 0 {
			require.NoError(t, err, "%q", tc.name)
			require.Equal(t, "dst:"+tc.want, string(got))
			continue
		}
		var e *clienthello.Error
		require.ErrorAs(t, err, &e, "%q", tc.name)
		require.Equal(t, tc.reason, e.Reason, "%q: %v", tc.name, err)
		require.Equal(t, "dst:", string(got))
	}
}

// FuzzCanonicalName: what comes out is in the alphabet, and its own canonical
// form.
func FuzzCanonicalName(f *testing.F) {
	for _, s := range []string{"www.Example.com.", "192.0.2.1", "a..b", "[::1]", "\x00", "_x.0x1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, name []byte) {
		got, err := clienthello.CanonicalName(nil, name)
		if err != nil {
			require.Nil(t, got)
			return
		}
		require.Equal(t, strings.TrimSuffix(strings.ToLower(string(name)), "."), string(got))
		require.LessOrEqual(t, len(got), 253)
		require.Empty(t, strings.Trim(string(got), "abcdefghijklmnopqrstuvwxyz0123456789-_."))
		again, err := clienthello.CanonicalName(nil, got)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}
