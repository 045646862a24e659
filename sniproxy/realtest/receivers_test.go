package realtest_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/webpeer"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// headers are the settings of a site.
var headers = map[string]struct {
	version proxyheader.Version
	tlvs    proxyheader.TLVSet
}{
	"off":  {proxyheader.Off, 0},
	"v1":   {proxyheader.V1, 0},
	"v2":   {proxyheader.V2, 0},
	"tlvs": {proxyheader.V2, proxyheader.WithAuthority | proxyheader.WithUniqueID | proxyheader.WithCRC32C},
}

// receivers are sites on a server, one for each setting.
func receivers(s *webpeer.Server) (sites []routes.Site) {
	for name, h := range headers {
		proxied := h.version != proxyheader.Off
		r := site(name+".example", s.Listener(true, proxied).Addr.Port(), s.Listener(false, proxied).Addr.Port())
		r.Proxy, r.TLVs = h.version, h.tlvs
		sites = append(sites, r)
	}
	return sites
}

// Each server knows the client's IPv4 address and port by the PROXY header, for TLS
// and for HTTP, and has the proxy's IPv6 address without.
func TestRealReceivers(t *testing.T) {
	for _, start := range []func(testing.TB) *webpeer.Server{webpeer.Nginx, webpeer.Apache, webpeer.HAProxy} {
		s := start(t)
		t.Run(s.Program, func(t *testing.T) {
			engines(t, func(t *testing.T, e sniproxy.Engine) {
				p := newProxy(t, e, receivers(s), nil)
				for name := range headers {
					for scheme, addr := range map[string]netip.AddrPort{"https": p.tls, "http": p.http} {
						t.Run(name+" "+scheme, func(t *testing.T) { p.received(t, s, name, scheme, addr) })
					}
				}
			})
		})
	}
}

// received asks a server with one setting, and checks who it believes has asked.
func (p *proxy) received(t *testing.T, s *webpeer.Server, name, scheme string, addr netip.AddrPort) {
	t.Helper()
	mark := s.Mark()
	got := curl(t, addr, "-k", "--interface", "127.0.0.3", scheme+"://"+name+".example/")
	require.Equal(t, "127.0.0.3", got.client.Addr().String())
	r := p.recorded(t, func(r *sniproxy.Record) bool { return r.Client == got.client && r.Site != "" && r.Backend.IsValid() })
	require.Equal(t, headers[name].version, r.ProxyOut)
	require.Equal(t, addr, r.Local)
	client := fmt.Sprintf("%v %d ", got.client.Addr(), got.client.Port())
	front := fmt.Sprintf("%v %d", addr.Addr(), addr.Port())
	if name == "off" {
		client, front = "::1 ", fmt.Sprintf("::1 %d", s.Listener(scheme == "https", false).Addr.Port())
	}
	if s.Program == "Apache" {
		require.Equal(t, "204", got.status)
		s.Await(t, mark, client)
		return
	}
	require.Equal(t, "200", got.status)
	require.True(t, strings.HasPrefix(got.body, client), "%q is of %v", got.body, got.client)
	require.Contains(t, got.body, " "+front)
	if s.Program == "HAProxy" {
		want := " "
		if name == "tlvs" {
			want = "tlvs.example " + r.ID
		}
		require.True(t, strings.HasSuffix(got.body, " "+front+" "+want), "%q is of %v", got.body, r.ID)
	}
}
