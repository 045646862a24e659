package memnet_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/stretchr/testify/require"
)

func TestHTTPOverNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n memnet.Network
		ln, err := n.Listen(there)
		require.NoError(t, err)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.RemoteAddr)
		})}
		served := make(chan error, 1)
		go func() { served <- server.Serve(ln) }()

		transport := &http.Transport{DialContext: n.DialContext}
		resp, err := (&http.Client{Transport: transport}).Get("http://" + there.String())
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, netip.IPv6Loopback(), netip.MustParseAddrPort(string(body)).Addr())

		transport.CloseIdleConnections()
		require.NoError(t, server.Shutdown(t.Context()))
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
}

func TestListenAndDialErrors(t *testing.T) {
	var n memnet.Network
	_, err := n.Dial(t.Context(), here, there)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)

	ln, err := n.Listen(there)
	require.NoError(t, err)
	_, err = n.Listen(there)
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = n.Dial(ctx, here, there)
	require.ErrorIs(t, err, context.Canceled)
	_, err = n.DialContext(t.Context(), "udp", there.String())
	require.Error(t, err)
	_, err = n.DialContext(t.Context(), "tcp", "host.example:443")
	require.Error(t, err)

	require.NoError(t, ln.Close())
	require.ErrorIs(t, ln.Close(), net.ErrClosed)
	_, err = ln.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = n.Dial(t.Context(), here, there)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	_, err = n.Listen(there)
	require.NoError(t, err, "the address is free again")
}

func TestBacklog(t *testing.T) {
	var n memnet.Network
	ln, err := n.Listen(there)
	require.NoError(t, err)
	var conns []net.Conn
	for {
		conn, err := n.Dial(t.Context(), netip.AddrPortFrom(here.Addr(), 0), there)
		if err != nil {
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			break
		}
		conns = append(conns, conn)
		require.Less(t, len(conns), 1000, "the backlog has no bound")
	}
	require.NotEqual(t, conns[0].LocalAddr().String(), conns[1].LocalAddr().String())
	require.NoError(t, ln.Close())
	_, err = conns[0].Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "nobody will accept it")
}

func TestAcceptWaitsDurably(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n memnet.Network
		ln, err := n.Listen(there)
		require.NoError(t, err)
		begin := time.Now()
		time.AfterFunc(24*time.Hour, func() { ln.Close() })
		_, err = ln.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, 24*time.Hour, time.Since(begin))
	})
}
