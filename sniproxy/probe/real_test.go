package probe_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/internal/webpeer"
	"github.com/mythic-beasts/hostkit/sniproxy/probe"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

// The failures that hosting customers run into, each reproduced and diagnosed:
// every kind of listener of nginx, Apache and HAProxy, with no header, version 1
// and version 2. See the table in the README.
func TestReal(t *testing.T) {
	for _, start := range []func(testing.TB) *webpeer.Server{webpeer.Nginx, webpeer.Apache, webpeer.HAProxy} {
		s := start(t)
		for _, l := range s.Listeners {
			proto := probe.HTTP
			if l.TLS {
				proto = probe.TLS
			}
			name := fmt.Sprintf("%s %v", s.Program, proto)
			if l.Proxy {
				name += " with header"
			}
			t.Run(name, func(t *testing.T) {
				p := &probe.Prober{Check: allow, Timeout: time.Minute}
				r, err := p.Probe(t.Context(), l.Addr, proto, "localhost")
				require.NoError(t, err)
				want := probe.ExpectsNone
				if l.Proxy {
					want = probe.ExpectsAny
				}
				require.Equal(t, want, r.Verdict, "%v", r.Attempts)
				for _, sent := range []proxyheader.Version{proxyheader.Off, proxyheader.V1, proxyheader.V2} {
					t.Run(sent.String(), func(t *testing.T) { cell(t, s, l, r, sent) })
				}
			})
		}
	}
}

// cell is one of the table: a proxy set to the version sends to the listener.
func cell(t *testing.T, s *webpeer.Server, l webpeer.Listener, r *probe.Report, sent proxyheader.Version) {
	t.Helper()
	advice := r.Advise(sent)
	require.Equal(t, l.Proxy == (sent != proxyheader.Off), advice.OK, advice.Text)
	mark := s.Mark()
	answer := ask(t, l, sent)
	if advice.OK {
		require.Contains(t, []string{"HTTP/1.1 200", "HTTP/1.1 204"}, answer)
		require.Empty(t, advice.Logs)
		return
	}
	require.Equal(t, failure(s.Program, l, sent), answer)
	require.NotEmpty(t, advice.Remedies)
	said := 0
	for _, line := range advice.Logs {
		if line.Program != s.Program {
			continue
		}
		said++
		d, ok := probe.Explain(with(s.Await(t, mark, line.Find), line.Find))
		require.True(t, ok)
		require.Equal(t, s.Program, d.Program, d.Text)
		explained(t, l, sent, d)
	}
	silent := s.Program == "Apache" && l.Proxy
	require.Equal(t, silent, said == 0, "a line is named wherever there is one")
}

// with returns the line that holds the text: lines of the probe before may still
// come in between.
func with(log, text string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}

// failure is what the sender gets from a listener that expects something else:
// 400, in plain text from a TLS listener of nginx, or nothing.
func failure(program string, l webpeer.Listener, sent proxyheader.Version) string {
	switch {
	case sent == proxyheader.Off, l.TLS && program != "nginx":
		return ""
	}
	return "HTTP/1.1 400"
}

// explained checks what Explain makes of the log.
func explained(t *testing.T, l webpeer.Listener, sent proxyheader.Version, d probe.Diagnosis) {
	t.Helper()
	switch {
	case l.Proxy:
		require.Equal(t, probe.Missing, d.Fault, d.Text)
	case l.TLS && d.Program != "nginx":
		require.Equal(t, probe.NotTLS, d.Fault, d.Text)
	default:
		require.Equal(t, probe.Unexpected, d.Fault, d.Text)
		if d.Program != "HAProxy" { // whose line does not tell
			require.Equal(t, sent, d.Arrived, d.Text)
		}
	}
}

// raw is a connection whose first write has the header before it, and which
// keeps what comes back.
type raw struct {
	net.Conn
	header []byte
	got    bytes.Buffer
}

func (r *raw) Write(p []byte) (int, error) {
	n := len(r.header)
	sent, err := r.Conn.Write(append(r.header, p...))
	r.header = nil
	return max(sent-n, 0), err
}

func (r *raw) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.got.Write(p[:n])
	return n, err
}

// ask sends as a proxy would, and returns the beginning of the answer, in plain
// text or within TLS; "" if the connection ended without.
func ask(t *testing.T, l webpeer.Listener, sent proxyheader.Version) string {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr.String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	header, err := proxyheader.Append(nil, &proxyheader.Header{
		Version: sent, Source: netip.MustParseAddrPort("198.51.100.7:64221"), Destination: netip.MustParseAddrPort("203.0.113.9:443"),
	})
	require.NoError(t, err)
	r := &raw{Conn: c, header: header}
	const request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	answer := make([]byte, len("HTTP/1.1 200"))
	if !l.TLS {
		_, err = io.WriteString(r, request)
		require.NoError(t, err)
		n, _ := io.ReadFull(r, answer)
		return string(answer[:n])
	}
	secure := tls.Client(r, &tls.Config{ServerName: "localhost", InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err := secure.Handshake(); err != nil {
		return string(r.got.Bytes()[:min(r.got.Len(), len(answer))])
	}
	_, err = io.WriteString(secure, request)
	require.NoError(t, err)
	n, _ := io.ReadFull(secure, answer)
	return string(answer[:n])
}

// What nginx and HAProxy say to a proxy that does not send the header at once.
func TestRealPieces(t *testing.T) {
	for find, start := range map[string]func(testing.TB) *webpeer.Server{"broken header": webpeer.Nginx, "Truncated": webpeer.HAProxy} {
		s := start(t)
		mark := s.Mark()
		c, err := net.Dial("tcp", s.Listener(false, true).Addr.String())
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, "PROXY TCP4 198.51.")
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, c)
		logged := with(s.Await(t, mark, find), find)
		d, ok := probe.Explain(logged)
		require.True(t, ok)
		require.Equal(t, probe.Damaged, d.Fault, logged)
		require.Equal(t, s.Program, d.Program)
		require.Contains(t, d.Text, "in pieces")
	}
}
