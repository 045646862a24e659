package proxyheader_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/internal/memnet"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

const line = "PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\n"

var (
	backend = netip.MustParseAddrPort("[2001:db8:b::1]:443")
	proxy   = netip.MustParseAddr("2001:db8:a::1")
	trusted = []netip.Prefix{netip.MustParsePrefix("2001:db8:a::/64")}
)

// house is a Listener in a network in memory, with what it refused.
type house struct {
	t   *testing.T
	net memnet.Network
	l   *proxyheader.Listener

	mu      sync.Mutex // guards refused
	refused []error
}

func newHouse(t *testing.T, l *proxyheader.Listener) *house {
	t.Helper()
	h := &house{t: t, l: l}
	inner, err := h.net.Listen(backend)
	require.NoError(t, err)
	l.Listener = inner
	l.Refused = func(_ net.Addr, err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.refused = append(h.refused, err)
	}
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return h
}

// dial connects from the address and sends.
func (h *house) dial(from netip.Addr, send string) net.Conn {
	h.t.Helper()
	c, err := h.net.Dial(h.t.Context(), netip.AddrPortFrom(from, 0), backend)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	if send != "" {
		_, err = io.WriteString(c, send)
		require.NoError(h.t, err)
	}
	return c
}

func (h *house) errors() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]error(nil), h.refused...)
}

// accept wants a connection at once.
func (h *house) accept() net.Conn {
	h.t.Helper()
	before := time.Now()
	c, err := h.l.Accept()
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	require.Equal(h.t, before, time.Now(), "Accept waited for somebody")
	return c
}

func closed(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
		front := h.dial(proxy, line+"hello")
		c := h.accept()
		require.Equal(t, "198.51.100.7:64221", c.RemoteAddr().String())
		require.Equal(t, "203.0.113.9:443", c.LocalAddr().String())
		header, ok := proxyheader.HeaderOf(c)
		require.True(t, ok)
		require.Equal(t, proxyheader.V1, header.Version)
		require.Equal(t, client4, header.Source)

		got := make([]byte, 3)
		_, err := io.ReadFull(c, got)
		require.NoError(t, err)
		_, err = io.WriteString(front, ", world")
		require.NoError(t, err)
		require.NoError(t, front.(interface{ CloseWrite() error }).CloseWrite())
		rest, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "hello, world", string(got)+string(rest))

		_, err = io.WriteString(c, "answer")
		require.NoError(t, err)
		require.NoError(t, c.(*proxyheader.Conn).CloseWrite())
		answer, err := io.ReadAll(front)
		require.NoError(t, err)
		require.Equal(t, "answer", string(answer))
		require.Empty(t, h.errors())
	})
}

func TestListenerHeaderInPieces(t *testing.T) {
	v2header, err := proxyheader.AppendV2(nil, &proxyheader.Header{Source: client4, Destination: front4, CRC32C: true, Align: 2000})
	require.NoError(t, err)
	for name, header := range map[string]string{"v1": line, "v2, longer than one read": string(v2header)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, &proxyheader.Listener{Trusted: trusted, Timeout: time.Hour})
				front := h.dial(proxy, "")
				go func() {
					for i := range header {
						<-time.After(time.Second)
						_, _ = io.WriteString(front, header[i:i+1])
					}
					_, _ = io.WriteString(front, line)
				}()
				c, err := h.l.Accept()
				require.NoError(t, err)
				defer c.Close()
				require.Equal(t, "198.51.100.7:64221", c.RemoteAddr().String())
				got := make([]byte, len(line))
				_, err = io.ReadFull(c, got)
				require.NoError(t, err)
				require.Equal(t, line, string(got), "a second header is the client's own")
			})
		})
	}
}

func TestListenerRefuses(t *testing.T) {
	unix := sig + "\x21\x31\x00\xd8" + string(make([]byte, 216))
	udp := sig + "\x21\x12\x00\x0c" + string(make([]byte, 12))
	cases := []struct {
		name, send string
		from       netip.Addr
		want       error
	}{
		{"stranger with a header", line, netip.MustParseAddr("2001:db8:c::1"), proxyheader.ErrUntrusted},
		{"stranger over IPv4", line, netip.MustParseAddr("192.0.2.1"), proxyheader.ErrUntrusted},
		{"no header", "GET / HTTP/1.1\r\n\r\n", proxy, proxyheader.ErrNotProxy},
		{"hello", "\x16\x03\x01", proxy, proxyheader.ErrNotProxy},
		{"malformed", "PROXY TCP4 1 2 3 4\r\n", proxy, proxyheader.ErrMalformed},
		{"wrong checksum", sig + "\x21\x11\x00\x13" + string(make([]byte, 12)) + "\x03\x00\x04abcd", proxy, proxyheader.ErrChecksum},
		{"UNKNOWN", "PROXY UNKNOWN\r\n", proxy, proxyheader.ErrUnknown},
		{"UNSPEC", sig + "\x21\x00\x00\x00", proxy, proxyheader.ErrUnknown},
		{"Unix socket", unix, proxy, proxyheader.ErrUnknown},
		{"UDP", udp, proxy, proxyheader.ErrUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
				go func() { _, _ = h.l.Accept() }()
				front := h.dial(c.from, "")
				_, _ = io.WriteString(front, c.send) // which a stranger may not get to
				closed(t, front)
				synctest.Wait()
				require.Len(t, h.errors(), 1)
				require.ErrorIs(t, h.errors()[0], c.want)
			})
		})
	}
}

func TestListenerPeerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
		go func() { _, _ = h.l.Accept() }()
		front := h.dial(proxy, "PROXY")
		require.NoError(t, front.Close())
		synctest.Wait()
		require.Len(t, h.errors(), 1)
		require.ErrorIs(t, h.errors()[0], proxyheader.ErrShort)
		require.ErrorIs(t, h.errors()[0], io.EOF)
		require.ErrorContains(t, h.errors()[0], "after 5 bytes")
	})
}

func TestListenerRealEndpoints(t *testing.T) {
	for name, send := range map[string]string{
		"LOCAL":   sig + "\x20\x00\x00\x00",
		"UNKNOWN": "PROXY UNKNOWN\r\n",
		"UDP":     sig + "\x21\x12\x00\x0c" + string(make([]byte, 12)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, &proxyheader.Listener{Trusted: trusted, AllowUnknown: name != "LOCAL"})
				front := h.dial(proxy, send)
				c := h.accept()
				require.Equal(t, front.LocalAddr().String(), c.RemoteAddr().String())
				require.Equal(t, backend.String(), c.LocalAddr().String())
			})
		})
	}
}

func TestListenerTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
		go func() { _, _ = h.l.Accept() }()
		start := time.Now()
		front := h.dial(proxy, "PROXY TCP4")
		go func() { // the deadline is not put off by what trickles in
			for range 10 {
				<-time.After(time.Second)
				_, _ = io.WriteString(front, "1")
			}
		}()
		closed(t, front)
		require.Equal(t, 5*time.Second, time.Since(start))
		synctest.Wait()
		require.ErrorIs(t, h.errors()[0], proxyheader.ErrTimeout)
		require.ErrorContains(t, h.errors()[0], "after 5s")
		<-time.After(time.Minute)
	})
}

// After the header the connection has no deadline left from it.
func TestListenerLeavesNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
		front := h.dial(proxy, line)
		c := h.accept()
		time.AfterFunc(time.Hour, func() { _, _ = io.WriteString(front, "x") })
		_, err := c.Read(make([]byte, 1))
		require.NoError(t, err)
	})
}

func TestListenerDirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted, Direct: []netip.Prefix{netip.MustParsePrefix("::/0")}})
		visitor := h.dial(netip.MustParseAddr("2001:db8:c::1"), line)
		c := h.accept()
		require.Equal(t, visitor.LocalAddr().String(), c.RemoteAddr().String())
		_, ok := proxyheader.HeaderOf(c)
		require.False(t, ok)
		got := make([]byte, len(line))
		_, err := io.ReadFull(c, got)
		require.NoError(t, err)
		require.Equal(t, line, string(got), "a visitor's header is data")

		h.dial(proxy, line)
		c = h.accept()
		require.Equal(t, "198.51.100.7:64221", c.RemoteAddr().String(), "trusted goes first")
		closed(t, h.dial(netip.MustParseAddr("192.0.2.1"), ""))
	})
}

func TestListenerPrefixes(t *testing.T) {
	cases := []struct {
		prefix, from string
		want         bool
	}{
		{"192.0.2.0/24", "::ffff:192.0.2.1", true},
		{"::ffff:192.0.2.0/120", "192.0.2.1", true},
		{"::ffff:192.0.2.0/120", "192.0.3.1", false},
		{"::ffff:192.0.2.0/120", "::ffff:192.0.2.1", true},
		{"fe80::/10", "fe80::1%eth0", true},
		{"::/0", "192.0.2.1", false},
		{"0.0.0.0/0", "2001:db8::1", false},
	}
	for _, c := range cases {
		t.Run(c.prefix+" "+c.from, func(t *testing.T) {
			l := &proxyheader.Listener{
				Listener: &oneConn{addr: netip.AddrPortFrom(netip.MustParseAddr(c.from), 1)},
				Trusted:  []netip.Prefix{netip.MustParsePrefix(c.prefix)},
			}
			var refused error
			l.Refused = func(_ net.Addr, err error) { refused = err }
			_, err := l.Accept()
			require.ErrorIs(t, err, net.ErrClosed)
			require.NoError(t, l.Close())
			if c.want {
				require.NotErrorIs(t, refused, proxyheader.ErrUntrusted)
			} else {
				require.ErrorIs(t, refused, proxyheader.ErrUntrusted)
			}
		})
	}
}

// oneConn is a listener with one connection of an address, which ends at once.
type oneConn struct {
	addr netip.AddrPort
	used bool
}

func (o *oneConn) Accept() (net.Conn, error) {
	if o.used {
		return nil, net.ErrClosed
	}
	o.used = true
	near, far := memnet.Pipe(backend, o.addr)
	return near, far.Close()
}

func (o *oneConn) Addr() net.Addr { return net.TCPAddrFromAddrPort(backend) }
func (o *oneConn) Close() error   { return nil }

func TestListenerTrustsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{})
		_, err := h.l.Accept()
		require.ErrorContains(t, err, "set Listener.Trusted")
	})
}

// failing returns errors that pass, and then connections.
type failing struct {
	net.Listener
	left int
}

var errFiles = errors.New("too many open files")

func (f *failing) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, errFiles
	}
	return f.Listener.Accept()
}

func TestListenerPassingFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
		h.l.Listener = &failing{Listener: h.l.Listener, left: 2}
		for range 2 {
			_, err := h.l.Accept()
			require.ErrorIs(t, err, errFiles)
		}
		h.dial(proxy, line)
		h.accept()
	})
}

// Close ends the waiting Accept, connections without a header, and those that
// Accept did not fetch.
func TestListenerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
		h.dial(proxy, line)
		h.accept()
		silent, ready := h.dial(proxy, "PROX"), h.dial(proxy, line)
		synctest.Wait()
		require.NoError(t, h.l.Close())
		closed(t, silent)
		closed(t, ready)
		_, err := h.l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		require.Empty(t, h.errors(), "a stop is no refusal")
	})
}

// The same when only the listener below is closed, as some servers do.
func TestListenerCloseBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, &proxyheader.Listener{Trusted: trusted})
		below := h.l.Listener
		h.dial(proxy, line)
		h.accept()
		silent, ready := h.dial(proxy, "PROX"), h.dial(proxy, line)
		synctest.Wait()
		require.NoError(t, below.Close())
		closed(t, silent)
		closed(t, ready)
		_, err := h.l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
	})
}
