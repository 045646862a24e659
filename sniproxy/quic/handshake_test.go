package quic_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"testing"

	quicgo "github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// TestRetry: a server that has the client prove its address first (RFC 9000 section
// 8.1.2): the second hello goes to another connection ID under other keys.
func TestRetry(t *testing.T) {
	certs, pool := certificates(t, site)
	u := startUpper(t, certs[site], "up", nil, func(tr *quicgo.Transport) {
		tr.VerifySourceAddress = func(net.Addr) bool { return true }
	})
	r := startRelay(t, map[string][]netip.AddrPort{site: {u.addr}}, nil)
	c, err := dial(t, r, pool, site, nil)
	require.NoError(t, err)
	require.Equal(t, "up:hello", ask(t, c, []byte("hello")))
	require.EqualValues(t, 1, r.Stats().Accepted, "it is one connection")
}

// TestServersVersion: the server does not know the client's version and says so
// through the relay.
func TestServersVersion(t *testing.T) {
	certs, pool := certificates(t, site)
	u := startUpper(t, certs[site], "up", &quicgo.Config{Versions: []quicgo.Version{quicgo.Version1}}, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {u.addr}}, nil)
	c, err := dial(t, r, pool, site, &quicgo.Config{Versions: []quicgo.Version{quicgo.Version2, quicgo.Version1}})
	require.NoError(t, err)
	require.Equal(t, quicgo.Version1, c.ConnectionState().Version)
	require.Equal(t, "up:hello", ask(t, c, []byte("hello")))
}

// TestEarlyData: 0-RTT packets follow the Initial ones at once, and arrive once.
func TestEarlyData(t *testing.T) {
	certs, pool := certificates(t, site)
	u := startUpper(t, certs[site], "up", &quicgo.Config{Allow0RTT: true}, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {u.addr}}, nil)
	config := &tls.Config{ServerName: site, RootCAs: pool, NextProtos: []string{"echo"}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	early := func() *quicgo.Conn {
		c, err := quicgo.DialAddrEarly(ctx, r.addr.String(), config, nil)
		require.NoError(t, err)
		require.Equal(t, "up:hello", ask(t, c, []byte("hello")))
		require.NoError(t, c.CloseWithError(0, ""))
		return c
	}
	require.False(t, early().ConnectionState().Used0RTT)
	require.True(t, early().ConnectionState().Used0RTT)
	require.Equal(t, 2, u.count())
}

// TestDownload: little comes from the client and much from the server, over many
// new connections, whose first packets arrive in different orders.
func TestDownload(t *testing.T) {
	certs, pool := certificates(t, site)
	much := strings.Repeat("!", 100_000)
	u := startUpper(t, certs[site], much, nil, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {u.addr}}, nil)
	for range 20 {
		c, err := dial(t, r, pool, site, nil)
		require.NoError(t, err)
		require.True(t, much+":x" == ask(t, c, []byte("x")))
	}
}

// TestOnePort: a client has connections to two sites, and twice to one, from the
// same port, at the same time.
func TestOnePort(t *testing.T) {
	certs, pool := certificates(t, site, "other.example")
	much := strings.Repeat("!", 200_000)
	one := startUpper(t, certs[site], "one"+much, nil, nil)
	two := startUpper(t, certs["other.example"], "two"+much, nil, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {one.addr}, "other.example": {two.addr}}, nil)
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	transport := &quicgo.Transport{Conn: pc}
	t.Cleanup(func() {
		transport.Close()
		pc.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var conns []*quicgo.Conn
	want := []string{"one", "two", "one"}
	for i, name := range []string{site, "other.example", site} {
		c, err := transport.Dial(ctx, r.addr, &tls.Config{ServerName: name, RootCAs: pool, NextProtos: []string{"echo"}}, nil)
		require.NoError(t, err, i)
		conns = append(conns, c)
	}
	for range 3 {
		for i, c := range conns {
			require.True(t, want[i]+much+":x" == ask(t, c, []byte("x")))
		}
	}
	require.EqualValues(t, 3, r.Stats().Active)
}

// nat is a translator between a client and the relay that can forget the client's
// port.
type nat struct {
	inside  net.PacketConn
	outside chan net.Conn
}

func (n *nat) run(t *testing.T, to net.Addr) {
	var client net.Addr
	dialOut := func() net.Conn {
		c, err := net.Dial("udp4", to.String())
		if err != nil {
			return nil
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			buf := make([]byte, 2048)
			for {
				k, err := c.Read(buf)
				if err != nil {
					return
				}
				_, _ = n.inside.WriteTo(buf[:k], client)
			}
		}()
		return c
	}
	buf := make([]byte, 2048)
	var out net.Conn
	for {
		k, from, err := n.inside.ReadFrom(buf)
		if err != nil {
			return
		}
		if out == nil {
			client, out = from, dialOut()
		}
		select {
		case <-n.outside:
			out = dialOut()
		default:
		}
		_, _ = out.Write(buf[:k])
	}
}

// TestRebinding: the client's address changes in the middle, and the connection
// goes on over a new socket, whose path the server validates.
func TestRebinding(t *testing.T) {
	certs, pool := certificates(t, site)
	u := startUpper(t, certs[site], "up", nil, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {u.addr}}, nil)
	inside, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { inside.Close() })
	n := &nat{inside: inside, outside: make(chan net.Conn, 1)}
	go n.run(t, r.addr)
	through := &relay{Server: r.Server, addr: inside.LocalAddr().(*net.UDPAddr)}
	c, err := dial(t, through, pool, site, nil)
	require.NoError(t, err)
	for range 10 { // once it has shaken hands, the client changes to a new connection ID
		require.Equal(t, "up:before", ask(t, c, []byte("before")))
	}
	n.outside <- nil
	big := strings.Repeat("after ", 100_000)
	require.True(t, "up:"+big == ask(t, c, []byte(big)))
	require.EqualValues(t, 1, r.Stats().Rebound)
	require.Equal(t, 1, u.count(), "it is the same connection")
}

// TestShutdown: connections that there are go on, new ones are not taken, and at
// the end all is closed.
func TestShutdown(t *testing.T) {
	certs, pool := certificates(t, site)
	u := startUpper(t, certs[site], "up", nil, nil)
	r := startRelay(t, map[string][]netip.AddrPort{site: {u.addr}}, nil)
	c, err := dial(t, r, pool, site, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Shutdown(ctx) }()
	before := r.Stats().Ignored
	stranger, err := net.Dial("udp4", r.addr.String())
	require.NoError(t, err)
	t.Cleanup(func() { stranger.Close() })
	hello := quic.SealInitial(quic.Version1, dcid, scid, 0, cryptoFrame(0, message(site, sniproxytest.HelloOptions{Classical: true})), 1200)
	require.Eventually(t, func() bool { // once it has begun, a hello is ignored
		_, err := stranger.Write(hello)
		return err == nil && r.Stats().Ignored > before
	}, patience, tick)
	require.Equal(t, "up:still here", ask(t, c, []byte("still here")))
	require.Empty(t, ended)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Zero(t, r.Stats().Active)

	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.Error(t, r.Serve(pc))
	_, err = pc.WriteTo(nil, pc.LocalAddr())
	require.ErrorIs(t, err, net.ErrClosed, "it owns the socket")
}
