package proxyheader_test

import (
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

// A flood beyond MaxPending costs the oldest silent connections, never one that
// has sent its header.
func TestFloodEvictsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted, MaxPending: 3})
		h.dial(proxy, line)
		h.accept()
		ready := h.dial(proxy, line+"x")
		synctest.Wait()
		var silent []net.Conn
		for range 5 {
			silent = append(silent, h.dial(proxy, "PROXY"))
			<-time.After(time.Second)
		}
		for _, c := range silent[:3] {
			closed(t, c)
		}
		synctest.Wait()
		require.Len(t, h.errors(), 3)
		for _, err := range h.errors() {
			require.ErrorIs(t, err, proxyheader.ErrCrowded)
		}
		c := h.accept()
		require.Equal(t, "198.51.100.7:64221", c.RemoteAddr().String())
		for _, s := range silent[3:] {
			_, err := io.WriteString(s, line[len("PROXY"):])
			require.NoError(t, err)
			h.accept()
		}
		_, err := io.WriteString(ready, "y")
		require.NoError(t, err)
	})
}

// When nobody calls Accept the listener takes MaxPending connections and leaves
// the others to the kernel's queue.
func TestFloodOfReadyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted, MaxPending: 2})
		h.dial(proxy, line)
		h.accept()
		for range 5 { // in one burst
			h.dial(proxy, line)
		}
		<-time.After(time.Minute) // whose header is there waits as long as need be
		for range 5 {
			h.accept()
		}
		require.Empty(t, h.errors())
	})
}

// A burst of good connections waits for slots but loses none, even with silent
// ones before it.
func TestFloodBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted, MaxPending: 2, Timeout: time.Hour})
		for range 10 {
			h.dial(proxy, "PROXY")
		}
		for range 10 {
			h.dial(proxy, line)
		}
		start := time.Now()
		for range 10 {
			c, err := h.l.Accept()
			require.NoError(t, err)
			require.NoError(t, c.Close())
		}
		require.LessOrEqual(t, time.Since(start), 5*time.Second, "five pairs of silent ones at 200 ms each, and some")
		require.LessOrEqual(t, len(h.errors()), 10)
		for _, err := range h.errors() {
			require.ErrorIs(t, err, proxyheader.ErrCrowded)
		}
	})
}

// Silent clients over real sockets, far more than MaxPending: others are served
// meanwhile, and at the end no goroutine and no descriptor is left.
func TestFloodLeaksNothing(t *testing.T) {
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	func() {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var crowded atomic.Int64
		l := &proxyheader.Listener{
			Listener: inner, MaxPending: 50, Timeout: time.Minute,
			Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			Refused: func(net.Addr, error) { crowded.Add(1) },
		}
		served := make(chan error)
		go func() { served <- echo(l) }()
		var silent []net.Conn
		for i := range 300 {
			c, err := net.Dial("tcp", inner.Addr().String())
			require.NoError(t, err)
			silent = append(silent, c)
			if i%50 == 49 {
				requireEcho(t, inner.Addr().String())
			}
		}
		require.GreaterOrEqual(t, crowded.Load(), int64(200))
		require.NoError(t, l.Close())
		require.ErrorIs(t, <-served, net.ErrClosed)
		for _, c := range silent {
			_ = c.Close()
		}
	}()
	const slack = 5 // what the test itself and the runtime hold now and then
	require.Eventually(t, func() bool {
		runtime.GC() // gives back the pipes that package net keeps for splice
		return runtime.NumGoroutine() <= goroutines+slack && openFiles(t) <= files+slack
	}, 30*time.Second, 10*time.Millisecond)
}

// echo answers each connection with what it sends, until the listener ends.
func echo(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}()
	}
}

func requireEcho(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(c, line+"hello")
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
}

// openFiles counts the descriptors of the process; 0 where /proc does not tell.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
