package acme_test

import (
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

// Case R13: names that can be had, and names that fail the request.
func TestNames(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	long := strings.Repeat(strings.Repeat("a", 49)+".", 5) // 250 octets
	for name, want := range map[string]string{
		"example.org":          "example.org",
		"EXAMPLE.Org.":         "example.org",
		"*.Example.org":        "*.example.org",
		"xn--BCHER-kva.org":    "xn--bcher-kva.org",
		"localhost":            "localhost",
		"1.example":            "1.example",
		long + "org":           long + "org", // 253
		long + "org.":          long + "org",
		"a--b.example":         "a--b.example",
		"4.3.2.1.in-addr.arp":  "4.3.2.1.in-addr.arp",
		"bücher.example":       "xn--bcher-kva.example",
		"*.BÜCHER.Example.":    "*.xn--bcher-kva.example",
		"faß.example":          "xn--fa-hia.example", // not fass.example
		"www.中国.example":       "www.xn--fiqs8s.example",
		"b\u0075\u0308cher.de": "xn--bcher-kva.de", // composed
	} {
		cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{name}}, new(zone))
		require.NoError(t, err, name)
		require.Equal(t, []string{want}, cert.Names)
	}
	orders := ca.Requests(acmetest.CANewOrder)
	for _, name := range []string{
		"", ".", "..", "a..b", ".example.org", "example.org..", "*", "*.", "*.*.example.org", "a.*.example.org",
		"*a.example.org", "**.example.org", "exa mple.org", "a_b.example", "-a.example", "a-.example",
		"../../etc/passwd", "a/b.example", "a\x00.example", "192.0.2.1", "2001:db8::1", "example.123", "*.192.0.2.1",
		strings.Repeat("a", 64) + ".example", long + "orgs", "user@example.org", "example.org:443", "ſ.example", "\u212a.example", "ｗｗｗ.example",
		"a。example", "\ufffd.example", "\u202ea.example", "a\u200b.example", "\u0301a.example", "\xff.example", "ü-.example", "*ü.example", "ü_x.example",
		"א1a.example", strings.Repeat("ü", 60) + ".example", strings.Repeat("ü.", 45) + "example",
	} {
		_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"good.example", name}}, new(zone))
		require.Error(t, err, "%q", name)
	}
	_, err := c.Obtain(t.Context(), acme.Request{}, new(zone))
	require.ErrorContains(t, err, "Names is empty")
	require.Equal(t, orders, ca.Requests(acmetest.CANewOrder), "no order was made")
}
