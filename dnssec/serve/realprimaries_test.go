package serve_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
	"github.com/mythic-beasts/hostkit/internal/dnspeer"
	"github.com/stretchr/testify/require"
)

// A puller has what NSD, Knot and BIND have, and after their zone has changed it asks
// for the change, and gets no more than that, each signed in the way of its own.
func TestRealPrimaries(t *testing.T) {
	k := xfrKey(t)
	a := zone(t, origin, 1, many(20_000)...)
	b := next(t, a, 2, "new")
	for what, launch := range map[string]func(testing.TB, dnspeer.Authority) *dnspeer.Server{
		"nsd": dnspeer.NSD, "knot": dnspeer.Knot, "named": dnspeer.NamedAuthority,
	} {
		t.Run(what, func(t *testing.T) {
			s := launch(t, asPrimary(what, text(a)))
			got, tap := make(chan *dnssec.Zone, 10), &tap{}
			p := &serve.Puller{
				Zone: origin, Primaries: []serve.Primary{{Addr: s.Addr, Key: &k, Dial: tap.dial}}, MinWait: 100 * time.Millisecond,
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
			transfers := tap.transfers()
			require.Equal(t, dns.TypeAXFR, transfers[0].asked)
			require.Greater(t, transfers[0].octets, 300_000)
			for _, x := range transfers[1:] {
				require.Equal(t, dns.TypeIXFR, x.asked)
				require.Less(t, x.octets, 2000)
			}
			require.Greater(t, len(transfers), 1)
		})
	}
}

// tap sees what goes through connections.
type tap struct {
	mu  sync.Mutex // guards what is below, and the taps of connections
	all []*tapped
}

type tapped struct {
	net.Conn
	tap    *tap
	asked  uint16 // by TCP
	octets int    // that came
}

func (p *tap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil || network == "udp" {
		return c, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x := &tapped{Conn: c, tap: p}
	p.all = append(p.all, x)
	return x, nil
}

// transfers are those that were asked for, and not the serials.
func (p *tap) transfers() (out []tapped) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.all {
		if x.asked == dns.TypeAXFR || x.asked == dns.TypeIXFR {
			out = append(out, *x)
		}
	}
	return out
}

func (x *tapped) Write(b []byte) (int, error) {
	var m dns.Msg
	if len(b) > 2 && m.Unpack(b[2:]) == nil && len(m.Question) == 1 {
		x.tap.mu.Lock()
		x.asked = m.Question[0].Qtype
		x.tap.mu.Unlock()
	}
	return x.Conn.Write(b)
}

func (x *tapped) Read(b []byte) (int, error) {
	n, err := x.Conn.Read(b)
	x.tap.mu.Lock()
	defer x.tap.mu.Unlock()
	x.octets += n
	return n, err
}

// asPrimary is a configuration to serve a zone to who has the key.
func asPrimary(what, zone string) dnspeer.Authority {
	a := dnspeer.Authority{Zones: map[string]string{origin: zone}}
	switch what {
	case "nsd":
		a.Blocks = []string{"key:", `  name: "xfr.example"`, "  algorithm: hmac-sha256", fmt.Sprintf("  secret: %q", secret64)}
		a.ZoneLines = map[string][]string{origin: {"provide-xfr: 127.0.0.0/8 xfr.example", "store-ixfr: yes", "create-ixfr: yes"}}
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
