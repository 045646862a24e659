package sniproxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// bubble is a server on a network in memory, whose clock is the test's.
type bubble struct {
	net     memnet.Network
	server  *sniproxy.Server
	records chan sniproxy.Record
}

const (
	front  = "192.0.2.1:443"
	origin = "[2001:db8::1]:443"
)

func inBubble(t *testing.T, test func(t *testing.T, b *bubble)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{records: make(chan sniproxy.Record, 10)}
		var table sniproxy.Table
		require.NoError(t, table.Replace(sniproxy.Routes{Sites: []sniproxy.Site{site("s", sniproxytest.Site)}}))
		b.server = &sniproxy.Server{
			Router:   &table,
			Guard:    &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}},
			Observer: &sniproxy.Observer{Connection: func(r *sniproxy.Record) { b.records <- *r }},
			Dial: func(ctx context.Context, addrs []netip.AddrPort, o backend.DialOptions) (net.Conn, error) {
				if err := o.Guard.Check(addrs[0]); err != nil {
					return nil, err
				}
				return b.net.DialContext(ctx, "tcp", addrs[0].String())
			},
		}
		l, err := b.net.Listen(netip.MustParseAddrPort(front))
		require.NoError(t, err)
		done := make(chan error, 1)
		go func() { done <- b.server.ServeTLS(l) }()
		test(t, b)
		require.NoError(t, b.server.Close())
		require.ErrorIs(t, <-done, sniproxy.ErrServerClosed)
	})
}

func (b *bubble) client(t *testing.T, hello []byte) net.Conn {
	t.Helper()
	conn, err := b.net.DialContext(t.Context(), "tcp", front)
	require.NoError(t, err)
	_, err = conn.Write(hello)
	require.NoError(t, err)
	return conn
}

func TestHelloDeadlineIsAbsolute(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		start := time.Now()
		hello := sniproxytest.Hello(sniproxytest.Site, sniproxytest.HelloOptions{})
		conn := b.client(t, hello[:1])
		var trickling sync.WaitGroup
		trickling.Go(func() {
			tick := time.NewTicker(time.Second) // each byte would put off a deadline per read
			defer tick.Stop()
			for i := range 10 {
				<-tick.C
				if _, err := conn.Write(hello[i+1 : i+2]); err != nil {
					return
				}
			}
		})
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Empty(t, all)
		require.Equal(t, 5*time.Second, time.Since(start))
		require.NoError(t, conn.Close())
		trickling.Wait()
		rec := <-b.records
		require.Equal(t, sniproxy.HelloTimeout, rec.Result)
	})
}

// TestIdleAfterFiveMinutes moves bytes just often enough, and then no more.
func TestIdleAfterFiveMinutes(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bubble) {
		l, err := b.net.Listen(netip.MustParseAddrPort(origin))
		require.NoError(t, err)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}()
		hello := sniproxytest.Hello(sniproxytest.Site, sniproxytest.HelloOptions{})
		conn := b.client(t, hello)
		back := make([]byte, len(hello))
		_, err = io.ReadFull(conn, back)
		require.NoError(t, err)
		require.True(t, bytes.Equal(hello, back))
		for range 5 {
			<-time.After(299 * time.Second)
			_, err = conn.Write([]byte("x"))
			require.NoError(t, err)
			_, err = io.ReadFull(conn, back[:1])
			require.NoError(t, err)
		}
		last := time.Now()
		_, err = io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, 300*time.Second, time.Since(last))
		rec := <-b.records
		require.Equal(t, sniproxy.Routed, rec.Result)
		require.Error(t, rec.Err)
		require.NoError(t, l.Close())
	})
}

func TestServerRequires(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	require.ErrorContains(t, (&sniproxy.Server{}).ServeTLS(l), "Router")
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed, "it owned the listener")
	require.ErrorContains(t, (&sniproxy.Server{Router: &sniproxy.Table{}}).ServeTLS(l), "Guard")
	closed := &sniproxy.Server{Router: &sniproxy.Table{}, Guard: &backend.Guard{}}
	require.NoError(t, closed.Shutdown(t.Context()))
	require.ErrorIs(t, closed.ServeTLS(l), sniproxy.ErrServerClosed)
	require.Zero(t, closed.Stats().Accepted)
}

func TestRefusedError(t *testing.T) {
	var err error = &sniproxy.RefusedError{Result: sniproxy.UnknownName, Alert: clienthello.AlertUnrecognizedName, Err: sniproxy.ErrUnknownName}
	require.EqualError(t, err, "sniproxy: refused: unknown_name: sniproxy: no site has this name")
	require.ErrorIs(t, err, sniproxy.ErrUnknownName)
	require.EqualError(t, &sniproxy.RefusedError{Result: sniproxy.Limited}, "sniproxy: refused: limit")
	var refused *sniproxy.RefusedError
	require.True(t, errors.As(err, &refused))
	require.Equal(t, "result(200)", sniproxy.Result(200).String())
}
