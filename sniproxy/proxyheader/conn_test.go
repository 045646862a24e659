package proxyheader_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// listen returns a Listener on loopback and its address.
func listen(t *testing.T) (*proxyheader.Listener, string) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &proxyheader.Listener{Listener: inner, Trusted: loopback}
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l, inner.Addr().String()
}

// pair returns a connection that the Listener took and the proxy's end of it.
func pair(t *testing.T, l *proxyheader.Listener, send string) (c *proxyheader.Conn, front *net.TCPConn) {
	t.Helper()
	raw, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = raw.Close() })
	_, err = io.WriteString(raw, send)
	require.NoError(t, err)
	accepted, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = accepted.Close() })
	for _, conn := range []net.Conn{raw, accepted} {
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	}
	return accepted.(*proxyheader.Conn), raw.(*net.TCPConn)
}

// frontedClient is an HTTP client whose connections begin with a header.
func frontedClient(t *testing.T, header proxyheader.Header, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			b, err := proxyheader.Append(nil, &header)
			if err == nil {
				_, err = c.Write(b)
			}
			return c, err
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

type headerKey struct{}

// says answers with the addresses and the header that the handler sees.
func says(s *httptest.Server) {
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		h, _ := proxyheader.HeaderOf(c)
		return context.WithValue(ctx, headerKey{}, h)
	}
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, _ := r.Context().Value(headerKey{}).(proxyheader.Header)
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		fmt.Fprintf(w, "%s %s %s", r.RemoteAddr, local, h.Authority)
	})
}

func TestHTTPServer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			l, _ := listen(t)
			s := httptest.NewUnstartedServer(nil)
			require.NoError(t, s.Listener.Close())
			s.Listener = l
			says(s)
			config := &tls.Config{MinVersion: tls.VersionTLS13}
			if secure {
				s.StartTLS() // wraps the Listener by crypto/tls
				config.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
				config.ServerName = "example.com"
			} else {
				s.Start()
			}
			t.Cleanup(s.Close)
			client := frontedClient(t, proxyheader.Header{
				Version: proxyheader.V2, Source: client4, Destination: front4, Authority: []byte("a.example"), CRC32C: true,
			}, config)
			for range 3 { // kept alive
				resp, err := client.Get(s.URL)
				require.NoError(t, err)
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				require.Equal(t, "198.51.100.7:64221 203.0.113.9:443 a.example", string(body))
			}
			_, err := http.Get(s.URL)
			require.Error(t, err, "without a header nobody is served")
		})
	}
}

// A backend that speaks before its client, and half-closes.
func TestConnCloseWrite(t *testing.T) {
	l, _ := listen(t)
	c, front := pair(t, l, line)
	_, err := io.WriteString(c, "220 ready\r\n")
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(front)
	require.NoError(t, err)
	require.Equal(t, "220 ready\r\n", string(got))
	_, err = io.WriteString(front, "still here")
	require.NoError(t, err)
	require.NoError(t, front.CloseWrite())
	got, err = io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "still here", string(got))
}

func TestConnCopy(t *testing.T) {
	l, _ := listen(t)
	in, client := pair(t, l, line+"begins ")
	out, origin := pair(t, l, line)
	payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	copied := make(chan error, 2)
	go func() {
		_, err := client.Write(payload)
		copied <- errors.Join(err, client.CloseWrite())
	}()
	go func() {
		n, err := io.Copy(out, in)
		if want := int64(len("begins ") + len(payload)); n != want {
			err = errors.Join(err, fmt.Errorf("copied %d bytes of %d", n, want))
		}
		copied <- errors.Join(err, out.CloseWrite())
	}()
	got, err := io.ReadAll(origin)
	require.NoError(t, err)
	require.NoError(t, <-copied)
	require.NoError(t, <-copied)
	require.Equal(t, "begins "+string(payload), string(got))
	require.Same(t, in.Conn, in.NetConn())
}

// fast counts how often it is asked to move bytes by itself, as *net.TCPConn is
// for splice.
type fast struct {
	net.Conn
	readFrom, writeTo int
}

func (f *fast) ReadFrom(r io.Reader) (int64, error) {
	f.readFrom++
	return io.Copy(struct{ io.Writer }{f.Conn}, r)
}

func (f *fast) WriteTo(w io.Writer) (int64, error) {
	f.writeTo++
	return io.Copy(w, struct{ io.Reader }{f.Conn})
}

func TestConnKeepsFastPaths(t *testing.T) {
	l, _ := listen(t)
	in, client := pair(t, l, line+"hello")
	out, origin := pair(t, l, line)
	source, sink := &fast{Conn: in.Conn}, &fast{Conn: out.Conn}
	in.Conn, out.Conn = source, sink
	require.NoError(t, client.CloseWrite())
	n, err := io.Copy(out, in)
	require.NoError(t, err)
	require.Equal(t, int64(5), n)
	require.Equal(t, 1, source.writeTo, "the copy ended up in the connection below")

	_, err = io.Copy(out, bytes.NewReader([]byte(", world")))
	require.NoError(t, err)
	_, err = io.Copy(out, struct{ io.Reader }{bytes.NewReader([]byte("!"))})
	require.NoError(t, err)
	require.Positive(t, sink.readFrom)
	require.NoError(t, out.Close())
	got, err := io.ReadAll(origin)
	require.NoError(t, err)
	require.Equal(t, "hello, world!", string(got))

	require.ErrorIs(t, out.CloseWrite(), errors.ErrUnsupported)
}

type shortWriter struct{ err error }

func (w shortWriter) Write(p []byte) (int, error) { return len(p) - 1, w.err }

func TestConnWriteToFails(t *testing.T) {
	l, _ := listen(t)
	for _, broken := range []error{nil, io.ErrClosedPipe} {
		c, _ := pair(t, l, line+"hello")
		n, err := c.WriteTo(shortWriter{broken})
		require.ErrorIs(t, err, cmp.Or(broken, io.ErrShortWrite))
		require.Equal(t, int64(4), n)
	}
}

func TestHeaderOf(t *testing.T) {
	l, _ := listen(t)
	c, front := pair(t, l, line)
	h, ok := proxyheader.HeaderOf(tls.Server(c, nil))
	require.True(t, ok)
	require.Equal(t, client4, h.Source)
	require.Equal(t, h, c.Header())
	_, ok = proxyheader.HeaderOf(front)
	require.False(t, ok)
	_, ok = proxyheader.HeaderOf(tls.Client(front, nil))
	require.False(t, ok)
}
