package realtest_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/webpeer"
)

// fronts are HAProxy's listeners before a proxy, by how it sends.
var fronts = []struct{ name, options string }{
	{"v1", "send-proxy"},
	{"v2", "send-proxy-v2"},
	{"v2 with TLVs", "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority"},
}

// newFronts starts HAProxy in front of a proxy, which it connects to from the
// address. The listeners are in pairs: for TLS and for HTTP.
func newFronts(t *testing.T, p *proxy, from string) []netip.AddrPort {
	t.Helper()
	ports := webpeer.FreePorts(t, netip.MustParseAddr("127.0.0.1"), 2*len(fronts))
	var config strings.Builder
	var listeners []webpeer.Listener
	for i, port := range ports {
		to := p.tls
		if i%2 == 1 {
			to = p.http
		}
		fmt.Fprintf(&config, "listen l%d\n  mode tcp\n  unique-id-format id-%%pid-%%rt\n  bind %v\n  source %s\n  server s %v %s\n",
			i, port, from, to, fronts[i/2].options)
		listeners = append(listeners, webpeer.Listener{Addr: port})
	}
	webpeer.HAProxyWith(t, config.String(), listeners...)
	return ports
}

// HAProxy is a trusted front: what is behind the proxy knows the first client.
func TestRealFront(t *testing.T) {
	receiver := webpeer.HAProxy(t)
	o := newOrigin(t)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, append(receivers(receiver), o.sites...), func(s *sniproxy.Server) {
			s.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
		})
		ports := newFronts(t, p, "127.0.0.9")
		for i, port := range ports {
			scheme := []string{"https", "http"}[i%2]
			for _, name := range []string{"v1", "v2", "tlvs"} {
				t.Run(fmt.Sprintf("%s to %s by %s", fronts[i/2].name, name, scheme), func(t *testing.T) {
					got := curl(t, port, "-k", "--interface", "127.0.0.4", scheme+"://"+name+".example/")
					require.Equal(t, "200", got.status)
					require.Contains(t, got.body, fmt.Sprintf("%v %d %v %d ",
						got.client.Addr(), got.client.Port(), port.Addr(), port.Port()), "the client, and what it connected to")
					r := p.recorded(t, func(r *sniproxy.Record) bool { return r.Client == got.client && r.Backend.IsValid() })
					require.Equal(t, "127.0.0.9", r.Front.Addr().String())
				})
			}
		}

		mark := o.Mark()
		got := curl(t, ports[1], "--interface", "127.0.0.4", "-H", "X-Forwarded-For: 203.0.113.66", "http://one.example/who")
		require.Equal(t, "200", got.status)
		o.Await(t, mark, " xff=127.0.0.4 ")

		// Others come without, and the front has to have one.
		got = curl(t, p.tls, "--cacert", o.ca, "https://one.example/who")
		require.Equal(t, "one.example https HTTP/2.0", got.body)
		out := run(t, "", "curl", curlArgs(p.tls, "--interface", "127.0.0.9", "--cacert", o.ca, "https://one.example/who")...)
		require.NotZero(t, out.status)
		p.counted(t, sniproxy.BadProxyHeader, 1)
	})
}

// The same HAProxy, when it is not trusted, gets nothing: its header is no hello
// and no request.
func TestRealFrontIsRefused(t *testing.T) {
	o := newOrigin(t)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, func(s *sniproxy.Server) {
			s.Trusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}
		})
		mark := o.Mark()
		for i, port := range newFronts(t, p, "127.0.0.8") {
			scheme := []string{"https", "http"}[i%2]
			out := run(t, "", "curl", curlArgs(port, "--cacert", o.ca, "-f", scheme+"://one.example/who")...)
			require.NotZero(t, out.status, "%v %s: %s", fronts[i/2], scheme, out.stdout)
			require.NotContains(t, out.stdout, "one.example")
		}
		require.Empty(t, o.Since(mark), "nothing came to the server")
		require.Eventually(t, func() bool { return p.server.Stats().Active == 0 }, patience, 10*time.Millisecond)
		s := p.server.Stats()
		require.Zero(t, s.Result(sniproxy.Routed))
		for _, r := range []sniproxy.Result{sniproxy.NotTLS, sniproxy.Malformed} {
			require.GreaterOrEqual(t, s.Result(r), uint64(len(fronts)), "%v: %v", r, s.Results)
		}
	})
}
