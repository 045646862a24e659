package sniproxy_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// A name that would make the header longer than Apache takes is left out of it;
// the connection is relayed.
func TestLongNameIsNoAuthority(t *testing.T) {
	long := strings.Repeat("a123456789.", 22) + "example"
	for name, want := range map[string]string{"short.example": "short.example", long: ""} {
		server := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Proxy: proxyheader.V2})
		table := new(sniproxy.Table)
		require.NoError(t, table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{{
			Names: []string{name},
			Decision: sniproxy.Decision{
				Backend: &backend.Pool{Members: []backend.Member{{Addr: server.Addr()}}},
				Proxy:   proxyheader.V2, TLVs: proxyheader.WithAuthority | proxyheader.WithUniqueID | proxyheader.WithCRC32C,
			},
		}}}))
		s := &sniproxy.Server{Router: table, Guard: &backend.Guard{
			Loopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("::1/128")}, Ports: []uint16{server.Addr().Port()},
		}}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- s.ServeTLS(l) }()
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		_, err = c.Write(sniproxytest.Hello(name, sniproxytest.HelloOptions{}))
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, c.Close())
		seen := server.Await(t, 1)[0]
		require.Equal(t, want, string(seen.Header.Authority))
		require.NotEmpty(t, seen.Header.UniqueID)
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-served, sniproxy.ErrServerClosed)
	}
}
