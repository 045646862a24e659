package quic_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	quicgo "github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
)

// TestRelay: clients of both versions reach the site that they name, and what they
// send comes back.
func TestRelay(t *testing.T) {
	certs, pool := certificates(t, site, "other.example")
	one := startUpper(t, certs[site], "one", nil, nil)
	two := startUpper(t, certs["other.example"], "two", nil, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {one.addr}, "other.example": {two.addr}}, nil)
	message := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	for _, version := range []quicgo.Version{quicgo.Version1, quicgo.Version2} {
		t.Run(version.String(), func(t *testing.T) {
			config := &quicgo.Config{Versions: []quicgo.Version{version}}
			for name, want := range map[string]string{site: "one", "other.example": "two"} {
				c, err := dial(t, r, pool, name, config)
				require.NoError(t, err)
				require.Equal(t, version, c.ConnectionState().Version)
				require.True(t, want+":"+string(message) == ask(t, c, message), "all comes back")
			}
		})
	}
	require.Equal(t, 2, one.count())
	require.Equal(t, 2, two.count())
	require.EqualValues(t, 4, r.Stats().Active)
	require.Zero(t, r.Stats().Held)
}

// TestRefused: a client whose name has no site is told so at once.
func TestRefused(t *testing.T) {
	r := startRelay(t, nil, nil)
	for _, version := range []quicgo.Version{quicgo.Version1, quicgo.Version2} {
		_, err := dial(t, r, nil, "unknown.example", &quicgo.Config{Versions: []quicgo.Version{version}})
		var refusal *quicgo.TransportError
		require.True(t, errors.As(err, &refusal), "%v", err)
		require.True(t, refusal.Remote)
		require.EqualValues(t, 0x100+112, refusal.ErrorCode, "unrecognized_name")
	}
	require.Eventually(t, func() bool { return len(r.Records()) == 2 }, patience, tick)
	rec := r.Records()[0]
	require.Equal(t, sniproxy.UnknownName, rec.Result)
	require.Equal(t, "unknown.example", rec.Name)
	require.Less(t, rec.Sent, int64(100))
	require.GreaterOrEqual(t, rec.Received, int64(1200))
}

// TestClosedPort: a machine that says that nobody listens is left at once.
func TestClosedPort(t *testing.T) {
	certs, pool := certificates(t, site)
	u := startUpper(t, certs[site], "up", nil, nil)
	closed, err := net.ListenPacket("udp6", "[::1]:0")
	require.NoError(t, err)
	nobody := closed.LocalAddr().(*net.UDPAddr).AddrPort()
	require.NoError(t, closed.Close())
	pool2 := &fixed{addrs: []netip.AddrPort{nobody, u.addr}}
	r := startRelay(t, map[string][]netip.AddrPort{site: pool2.addrs}, func(s *quic.Server) {
		s.Timeouts.Reply = patience // so that no time-out can be what helps
		s.Timeouts.Dial = 2 * patience
		s.Router = sniproxy.RouterFunc(func(*sniproxy.Request) (sniproxy.Decision, error) {
			return sniproxy.Decision{Site: site, Backend: pool2}, nil
		})
	})
	c, err := dial(t, r, pool, site, &quicgo.Config{HandshakeIdleTimeout: patience})
	require.NoError(t, err)
	require.Equal(t, "up:x", ask(t, c, []byte("x")))
	pool2.mu.Lock()
	defer pool2.mu.Unlock()
	require.Equal(t, []netip.AddrPort{nobody}, pool2.fails)
	require.Equal(t, 1, pool2.open)
}

// TestSource: a server sees the address that the site's Source chooses.
func TestSource(t *testing.T) {
	certs, pool := certificates(t, site)
	u := startUpper(t, certs[site], "up", nil, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {u.addr}}, func(s *quic.Server) {
		s.Router = sniproxy.RouterFunc(func(*sniproxy.Request) (sniproxy.Decision, error) {
			source := &backend.Source{Addrs: []netip.Addr{netip.MustParseAddr("::1")}}
			return sniproxy.Decision{Site: site, Backend: &fixed{addrs: []netip.AddrPort{u.addr}}, Source: source}, nil
		})
	})
	c, err := dial(t, r, pool, site, nil)
	require.NoError(t, err)
	require.Equal(t, "up:x", ask(t, c, []byte("x")))
	require.Equal(t, "::1", u.last().RemoteAddr().(*net.UDPAddr).IP.String())
}
