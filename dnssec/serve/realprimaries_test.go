package serve_test

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/stretchr/testify/require"
)

// A puller has what NSD, Knot and BIND have, also after their zone has changed, each
// signed in the way of its own.
func TestRealPrimaries(t *testing.T) {
	k := xfrKey(t)
	a := zone(t, origin, 1, many(20_000)...)
	b := next(t, a, 2, "new")
	for what, launch := range map[string]func(testing.TB, dnspeer.Authority) *dnspeer.Server{
		"nsd": dnspeer.NSD, "knot": dnspeer.Knot, "named": dnspeer.NamedAuthority,
	} {
		t.Run(what, func(t *testing.T) {
			s := launch(t, asPrimary(what, text(a)))
			got := make(chan *dnssec.Zone, 10)
			p := &serve.Puller{
				Zone: origin, Primaries: []serve.Primary{{Addr: s.Addr, Key: &k}}, MinWait: 100 * time.Millisecond,
				Changed: func(_ context.Context, z *dnssec.Zone) error { got <- z; return nil },
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- p.Run(ctx) }()
			require.Equal(t, text(a), text(<-got))
			require.NoError(t, os.WriteFile(s.ZoneFile(origin), []byte(text(b)), 0o600))
			require.NoError(t, s.Process.Signal(syscall.SIGHUP))
			require.Equal(t, text(b), text(<-got))
			cancel()
			require.NoError(t, <-done)
		})
	}
}

// asPrimary is a configuration to serve a zone to who has the key.
func asPrimary(what, zone string) dnspeer.Authority {
	a := dnspeer.Authority{Zones: map[string]string{origin: zone}}
	switch what {
	case "nsd":
		a.Blocks = []string{"key:", `  name: "xfr.example"`, "  algorithm: hmac-sha256", fmt.Sprintf("  secret: %q", secret64)}
		a.ZoneLines = map[string][]string{origin: {"provide-xfr: 127.0.0.0/8 xfr.example"}}
	case "knot":
		a.Blocks = []string{
			"key:", "  - id: xfr.example", "    algorithm: hmac-sha256", "    secret: " + secret64,
			"acl:", "  - id: xfr", "    address: 127.0.0.0/8", "    key: xfr.example", "    action: transfer",
		}
		a.ZoneLines = map[string][]string{origin: {"acl: xfr", "zonefile-load: difference"}}
	default:
		a.Blocks = []string{fmt.Sprintf("key xfr.example { algorithm hmac-sha256; secret %q; };", secret64)}
		a.ZoneLines = map[string][]string{origin: {"allow-transfer { key xfr.example; }; ixfr-from-differences yes;"}}
	}
	return a
}
