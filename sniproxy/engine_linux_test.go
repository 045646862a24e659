package sniproxy_test

import (
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

func TestEpoll(t *testing.T) {
	sniproxytest.Conformance(t, func(s *sniproxy.Server) { s.Engine = sniproxy.Epoll })
}

// A listener that another process has put into blocking mode, as passing it on
// may, holds up nobody.
func TestEpollListenerInBlockingMode(t *testing.T) {
	server := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{})
	guard := &backend.Guard{Loopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("::1/128")}, Ports: []uint16{server.Addr().Port()}}
	table := new(sniproxy.Table)
	require.NoError(t, table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{{
		Names:    []string{sniproxytest.Site},
		Decision: sniproxy.Decision{Backend: &backend.Pool{Members: []backend.Member{{Addr: server.Addr()}}}},
	}}}))
	var lc net.ListenConfig
	lc.SetMultipathTCP(false) // MPTCP's accept knows no time-out
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	file, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	defer file.Close()
	s := &sniproxy.Server{Router: table, Guard: guard, Engine: sniproxy.Epoll}
	served := make(chan error, 1)
	go func() { served <- s.ServeTLS(l) }()
	hello := sniproxytest.Hello(sniproxytest.Site, sniproxytest.HelloOptions{})
	addr := l.Addr().String()
	for range 20 {
		require.NoError(t, syscall.SetNonblock(int(file.Fd()), false))
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		_, err = c.Write(hello)
		require.NoError(t, err)
		echo := make([]byte, len(hello))
		_, err = io.ReadFull(c, echo)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-served, sniproxy.ErrServerClosed)
}
