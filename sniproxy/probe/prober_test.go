package probe_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/probe"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
	"github.com/stretchr/testify/require"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func allow(netip.AddrPort) error { return nil }

// either takes a header if one comes, which is what nobody should do.
type either struct{ net.Listener }

func (e either) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &eitherConn{Conn: c}, nil
}

type eitherConn struct {
	net.Conn
	r *bufio.Reader
}

func (c *eitherConn) Read(p []byte) (int, error) {
	if c.r == nil {
		c.r = bufio.NewReader(c.Conn)
		_, _ = c.r.Peek(16)
		if b, err := c.r.Peek(c.r.Buffered()); err == nil {
			_, n, _ := proxyheader.Decode(b, proxyheader.DecodeOptions{})
			_, _ = c.r.Discard(n) // 0 when there is no header
		}
	}
	return c.r.Read(p)
}

// server is an HTTP server behind a listener that expects what the verdict says.
func server(t *testing.T, verdict probe.Verdict, proto probe.Protocol) netip.AddrPort {
	t.Helper()
	inner, err := net.Listen("tcp", "[::1]:0")
	require.NoError(t, err)
	addr := inner.Addr().(*net.TCPAddr).AddrPort()
	require0 := func(only proxyheader.Version) net.Listener {
		return &proxyheader.Listener{Listener: inner, Trusted: loopback, Options: proxyheader.DecodeOptions{Only: only}}
	}
	l := map[probe.Verdict]net.Listener{
		probe.ExpectsNone: inner, probe.Optional: either{inner},
		probe.ExpectsAny: require0(proxyheader.Off), probe.ExpectsV1: require0(proxyheader.V1), probe.ExpectsV2: require0(proxyheader.V2),
	}[verdict]
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	require.NoError(t, s.Listener.Close())
	s.Listener = l
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if proto == probe.TLS {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return addr
}

func TestProbe(t *testing.T) {
	summaries := map[probe.Verdict]string{
		probe.ExpectsNone: "expects no PROXY header",
		probe.ExpectsV1:   "of version 1, and does not take version 2",
		probe.ExpectsV2:   "of version 2, and does not take version 1",
		probe.ExpectsAny:  "of version 1 or 2",
		probe.Optional:    "may claim to be any client",
	}
	for verdict, says := range summaries {
		for _, proto := range []probe.Protocol{probe.HTTP, probe.TLS} {
			t.Run(fmt.Sprintf("%v %v", verdict, proto), func(t *testing.T) {
				addr := server(t, verdict, proto)
				var dials atomic.Int64
				p := &probe.Prober{Check: allow, Timeout: time.Minute, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					dials.Add(1)
					var d net.Dialer
					return d.DialContext(ctx, network, address)
				}}
				r, err := p.Probe(t.Context(), addr, proto, "www.example.org")
				require.NoError(t, err)
				require.Equal(t, verdict, r.Verdict, "%v", r.Attempts)
				require.Contains(t, r.Summary(), says)
				require.Contains(t, r.Summary(), addr.String())
				require.Len(t, r.Attempts, 3)
				require.Equal(t, int64(3), dials.Load())
			})
		}
	}
}

// A name that the server does not know is refused by an alert, which it sends
// only when it has read the hello.
func TestProbeUnknownName(t *testing.T) {
	for _, version := range []proxyheader.Version{proxyheader.Off, proxyheader.V1, proxyheader.V2} {
		inner, err := net.Listen("tcp", "[::1]:0")
		require.NoError(t, err)
		l := inner
		if version != proxyheader.Off {
			l = &proxyheader.Listener{Listener: inner, Trusted: loopback, Options: proxyheader.DecodeOptions{Only: version}}
		}
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					_ = tls.Server(c, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
						return nil, errors.New("no such site")
					}}).Handshake()
				}()
			}
		}()
		p := &probe.Prober{Check: allow, Timeout: time.Minute}
		r, err := p.Probe(t.Context(), inner.Addr().(*net.TCPAddr).AddrPort(), probe.TLS, "")
		require.NoError(t, err)
		require.Equal(t, []probe.Verdict{probe.ExpectsNone, probe.ExpectsV1, probe.ExpectsV2}[version], r.Verdict, "%v", r.Attempts)
		require.Equal(t, probe.Alerted, r.Attempts[version].Outcome)
	}
}

func TestProbeSpeaksAnotherProtocol(t *testing.T) {
	p := &probe.Prober{Check: allow, Timeout: time.Minute}
	r, err := p.Probe(t.Context(), server(t, probe.ExpectsNone, probe.HTTP), probe.TLS, "www.example.org")
	require.NoError(t, err)
	require.Equal(t, probe.Unclear, r.Verdict)
	require.Contains(t, r.Summary(), "not to speak TLS")

	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{TLS: true})
	r, err = p.Probe(t.Context(), b.Addr(), probe.HTTP, "www.example.org")
	require.NoError(t, err)
	require.Equal(t, probe.Unclear, r.Verdict)
	require.False(t, r.Advise(proxyheader.V1).OK)
}

func TestProbeFailures(t *testing.T) {
	closed := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{})
	closed.Close()
	cases := []struct {
		name    string
		addr    netip.AddrPort
		verdict probe.Verdict
		outcome probe.Outcome
		says    string
	}{
		{"closed port", closed.Addr(), probe.Unreachable, probe.Unconnected, "cannot be reached: "},
		{"black hole", sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Mode: sniproxytest.BackendBlackHole}).Addr(), probe.Unclear, probe.Silent, "says nothing"},
		{"reset", sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Mode: sniproxytest.BackendResets, After: 1}).Addr(), probe.Unclear, probe.Reset, "without header: reset, with header v1: reset, with header v2: reset"},
		{"echo", sniproxytest.NewBackend(t, sniproxytest.BackendOptions{}).Addr(), probe.Unclear, probe.Rejected, `rejected ("HEAD / HTTP/`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			timeout := time.Minute
			if c.outcome == probe.Silent {
				timeout = 100 * time.Millisecond
			}
			p := &probe.Prober{Check: allow, Timeout: timeout}
			r, err := p.Probe(t.Context(), c.addr, probe.HTTP, "")
			require.NoError(t, err)
			require.Equal(t, c.verdict, r.Verdict)
			require.Equal(t, c.outcome, r.Attempts[0].Outcome)
			require.Contains(t, r.Summary(), c.says)
			for _, setting := range []proxyheader.Version{proxyheader.Off, proxyheader.V1, proxyheader.V2} {
				require.Equal(t, probe.Advice{Text: r.Summary()}, r.Advise(setting))
			}
			if c.verdict == probe.Unreachable {
				require.Len(t, r.Attempts, 1, "it does not knock again")
			}
		})
	}
}

// answers is a server that says the same to everybody.
func answers(t *testing.T, answer string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "[::1]:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func TestProbeAnswers(t *testing.T) {
	cases := []struct {
		name, answer string
		proto        probe.Protocol
		verdict      probe.Verdict
		says         string
	}{
		{"always 400", "HTTP/1.1 400 Bad Request\r\n\r\n", probe.HTTP, probe.Unclear, `does it know the name "www.example.org"?`},
		{"405 to a bare request is an answer", "HTTP/1.1 405 Method Not Allowed\r\n\r\n", probe.HTTP, probe.ExpectsNone, "no PROXY header"},
		{"HTTP/0.9", "<html>400 Bad Request</html>", probe.HTTP, probe.Unclear, "<html>400"},
		{"no number", "HTTP/1.1 abc", probe.HTTP, probe.Unclear, "HTTP/1.1 abc"},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x0a", probe.HTTP, probe.Unclear, "not to speak plain HTTP"},
		{"alert that says nothing", "\x15\x03\x01\x00\x02\x02\x0a", probe.TLS, probe.Unclear, `\x15\x03\x01`},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", probe.TLS, probe.Unclear, `"SSH-2.0-OpenSSH_9.2"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := &probe.Prober{Check: allow, Timeout: time.Minute}
			r, err := p.Probe(t.Context(), answers(t, c.answer), c.proto, "www.example.org")
			require.NoError(t, err)
			require.Equal(t, c.verdict, r.Verdict, "%v", r.Attempts)
			require.Contains(t, r.Summary(), c.says)
		})
	}
}

// A server that stops to take connections in the middle is not judged by half.
func TestProbeHalf(t *testing.T) {
	addr := server(t, probe.ExpectsNone, probe.HTTP)
	dials := 0
	p := &probe.Prober{Check: allow, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials > 1 {
			return nil, errors.New("enough")
		}
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
	r, err := p.Probe(t.Context(), addr, probe.HTTP, "")
	require.NoError(t, err)
	require.Equal(t, probe.Unclear, r.Verdict)
	require.Contains(t, r.Summary(), "without header: answered, with header v1: not connected (enough)")
	require.Equal(t, 2, dials)
}

func TestProbeRefuses(t *testing.T) {
	addr := netip.MustParseAddrPort("[::1]:80")
	nobody := func(context.Context, string, string) (net.Conn, error) {
		t.Error("it dialled")
		return nil, errors.New("no")
	}
	forbidden := errors.New("not within the customers' prefixes")
	var asked netip.AddrPort
	guard := func(a netip.AddrPort) error {
		asked = a
		return forbidden
	}
	_, err := (&probe.Prober{Dial: nobody, Check: guard}).Probe(t.Context(), addr, probe.HTTP, "a.example")
	require.ErrorIs(t, err, forbidden)
	require.Equal(t, addr, asked)
	_, err = (&probe.Prober{Dial: nobody}).Probe(t.Context(), addr, probe.HTTP, "a.example")
	require.ErrorContains(t, err, "Check is nil")
	_, err = (&probe.Prober{Dial: nobody, Check: allow}).Probe(t.Context(), addr, 9, "a.example")
	require.ErrorContains(t, err, "no protocol 9")
	for _, name := range []string{"a b", "a\r\nX: y", "ä.example", string(make([]byte, 254))} {
		_, err = (&probe.Prober{Dial: nobody, Check: allow}).Probe(t.Context(), addr, probe.HTTP, name)
		require.ErrorContains(t, err, "no host name")
	}
}

func TestProbeContext(t *testing.T) {
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Mode: sniproxytest.BackendBlackHole})
	ctx, cancel := context.WithCancel(t.Context())
	p := &probe.Prober{Check: allow, Timeout: time.Hour, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		defer time.AfterFunc(10*time.Millisecond, cancel)
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
	_, err := p.Probe(ctx, b.Addr(), probe.TLS, "a.example")
	require.ErrorIs(t, err, context.Canceled)
}

func TestProbeHeaders(t *testing.T) {
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{Proxy: proxyheader.V2, TLS: true, Names: []string{"a.example"}})
	p := &probe.Prober{Check: allow, Timeout: time.Minute}
	r, err := p.Probe(t.Context(), b.Addr(), probe.TLS, "a.example")
	require.NoError(t, err)
	require.Equal(t, probe.ExpectsV2, r.Verdict)
	for _, c := range b.Await(t, 3) {
		if c.Header.Version == proxyheader.V2 {
			require.Equal(t, c.Peer, c.Header.Source, "it claims to be nobody else")
			require.Equal(t, b.Addr(), c.Header.Destination)
			require.Equal(t, "a.example", c.ServerName)
			return
		}
	}
	t.Fatal("no header of version 2 came")
}

// written keeps the first write.
type written struct {
	net.Conn
	first *[]byte
}

func (w written) Write(p []byte) (int, error) {
	if *w.first == nil {
		*w.first = append([]byte{}, p...)
	}
	return w.Conn.Write(p)
}

// Header and question leave in one write: receivers refuse headers in pieces.
func TestProbeOneWrite(t *testing.T) {
	var writes [3][]byte
	dials := 0
	p := &probe.Prober{Check: allow, Timeout: time.Minute, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		dials++
		return written{c, &writes[dials-1]}, err
	}}
	_, err := p.Probe(t.Context(), server(t, probe.ExpectsAny, probe.HTTP), probe.HTTP, "www.example.org")
	require.NoError(t, err)
	for version, first := range writes {
		h, n, err := proxyheader.Decode(first, proxyheader.DecodeOptions{})
		if version == 0 {
			require.ErrorIs(t, err, proxyheader.ErrNotProxy)
		} else {
			require.NoError(t, err)
			require.Equal(t, proxyheader.Version(version), h.Version)
		}
		require.Equal(t, "HEAD / HTTP/1.1\r\nHost: www.example.org\r\n", string(first[n:n+len("HEAD / HTTP/1.1\r\nHost: www.example.org\r\n")]))
	}
}
