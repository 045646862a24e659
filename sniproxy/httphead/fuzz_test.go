package httphead_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

var stranger = &httphead.Forward{
	Client: netip.MustParseAddrPort("192.0.2.7:50000"),
	Local:  netip.MustParseAddrPort("203.0.113.9:80"),
	Via:    "proxy1",
}

var front = &httphead.Forward{
	Client:  netip.MustParseAddrPort("[2001:db8::7]:50000"),
	Trusted: true,
	Via:     "proxy1",
	Host:    "default.example",
}

// FuzzRequest holds the parser against net/http's. What is forwarded must be one
// request to net/http, for the same host and target and with a body of the same
// length; and if net/http accepts what was received, it must have seen the same
// in it.
func FuzzRequest(f *testing.F) {
	for _, c := range accepted {
		f.Add([]byte(c.raw))
	}
	for _, c := range refused {
		f.Add([]byte(c.raw))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p httphead.RequestParser
		var r httphead.Request
		n, err := p.Parse(b, &r)
		requireSamePieces(t, b, n, err)
		if n == 0 {
			return
		}
		requireSameRequest(t, b, n, &r)
		for _, o := range []*httphead.Forward{stranger, front} {
			out, err := r.AppendForward(nil, o)
			if err != nil {
				requireStatus(t, err, 508)
				continue
			}
			header := requireOneRequest(t, out, b[n:], &r)
			if o == stranger {
				requireOurs(t, header, &r)
			}
		}
	})
}

// requireOurs looks for words of a stranger where the backend expects ours, in any
// spelling that a program may see.
func requireOurs(t *testing.T, header http.Header, r *httphead.Request) {
	t.Helper()
	for name, values := range header {
		fold := marks.ReplaceAllString(strings.ToLower(name), "-")
		switch fold {
		case "x-forwarded-for", "x-real-ip":
			require.Equal(t, []string{"192.0.2.7"}, values)
		case "x-forwarded-proto":
			require.Equal(t, []string{"http"}, values)
		case "x-forwarded-host":
			require.Len(t, values, 1)
			require.Equal(t, string(r.Host()), canonical(values[0]))
		case "forwarded":
			require.Len(t, values, 1)
			require.True(t, strings.HasPrefix(values[0], "for=192.0.2.7;by=203.0.113.9;"))
		case "connection":
			require.True(t, len(values) == 1 && (values[0] == "close" || values[0] == "Upgrade"))
		case "upgrade":
			require.Equal(t, []string{"websocket"}, values)
		case "via":
			require.Equal(t, "proxy1", values[len(values)-1][4:])
		default:
			require.NotContains(t, []string{"proxy", "te", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate", "http2-settings"}, fold)
			require.False(t, strings.HasPrefix(fold, "x-forwarded"), name)
			continue
		}
		require.Equal(t, fold, strings.ToLower(name))
	}
}

var marks = regexp.MustCompile(`[^a-z0-9]`)

// pieces are the lengths at which b is looked at as it grows: each, unless b is
// long.
func pieces(b []byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < len(b); i += 1 + len(b)/512 {
			if !yield(i) {
				return
			}
		}
		yield(len(b))
	}
}

// requireSamePieces parses b piece by piece.
func requireSamePieces(t *testing.T, b []byte, n int, err error) {
	t.Helper()
	var p httphead.RequestParser
	var r httphead.Request
	for i := range pieces(b) {
		m, bytewise := p.Parse(b[:i], &r)
		if bytewise != nil {
			require.Error(t, err, "refused in pieces: %v", bytewise)
			return
		}
		if m > 0 {
			require.Equal(t, n, m)
			require.LessOrEqual(t, m, i)
			return
		}
	}
	require.Zero(t, n, "accepted whole but not in pieces")
}

// requireSameRequest compares with what net/http makes of the bytes received.
func requireSameRequest(t *testing.T, b []byte, n int, r *httphead.Request) {
	t.Helper()
	// net/http takes no empty line in front.
	other, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(bytes.TrimPrefix(b[:n], []byte("\r\n")))))
	if err != nil {
		return
	}
	require.Equal(t, other.Method, string(r.Method))
	require.Equal(t, canonical(other.Host), string(r.Host()))
	requireSameLength(t, other.ContentLength, other.TransferEncoding, &r.Body)
	require.Equal(t, other.ProtoAtLeast(1, 1), !r.HTTP10)
	if !strings.Contains(other.RequestURI, "://") || strings.HasPrefix(other.RequestURI, "/") {
		require.Equal(t, other.RequestURI, string(r.Target))
	}
}

// requireOneRequest reads what is forwarded.
func requireOneRequest(t *testing.T, out, rest []byte, r *httphead.Request) http.Header {
	t.Helper()
	in := bufio.NewReaderSize(bytes.NewReader(append(bytes.Clone(out), rest...)), len(out)+len(rest)+16)
	other, err := http.ReadRequest(in)
	require.NoError(t, err, "%q", out)
	require.Equal(t, len(rest), in.Buffered(), "%q", out)
	require.Equal(t, string(r.Method), other.Method)
	require.Equal(t, string(r.Target), other.RequestURI)
	if !r.NoHost {
		require.Equal(t, string(r.Host()), canonical(other.Host))
	}
	requireSameLength(t, other.ContentLength, other.TransferEncoding, &r.Body)

	// The head has grown by what the proxy adds.
	p := httphead.RequestParser{Limits: httphead.Limits{Head: 65535, Fields: 200}}
	var again httphead.Request
	n, err := p.Parse(out, &again)
	if !r.NoHost || r.HTTP10 {
		require.NoError(t, err, "%q", out)
		require.Len(t, out, n)
		require.Equal(t, r.Body, again.Body)
	}
	requireSameBody(t, rest, r.Body, other.Body, in)
	return other.Header
}

// requireSameBody reads the body in both ways.
func requireSameBody(t *testing.T, b []byte, body httphead.Body, other io.ReadCloser, in *bufio.Reader) {
	t.Helper()
	n, err := body.Next(b)
	if err != nil {
		require.False(t, body.Done())
		return
	}
	_, otherErr := io.Copy(io.Discard, other)
	if !body.Done() {
		require.Len(t, b, n)
		require.Error(t, otherErr, "net/http sees an end")
		return
	}
	require.NoError(t, otherErr)
	require.Equal(t, len(b)-n, in.Buffered(), "another end")
	require.NoError(t, body.End())
}

func requireSameLength(t *testing.T, length int64, codings []string, body *httphead.Body) {
	t.Helper()
	require.Equal(t, body.Chunked(), len(codings) == 1 && codings[0] == "chunked", "%v", codings)
	if !body.Chunked() {
		mine, _ := body.Length()
		require.Equal(t, length, mine)
	}
}

// canonical is another way to what Host returns.
func canonical(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return addr.String()
	}
	name, _ := clienthello.CanonicalName(nil, []byte(host))
	return string(name)
}

func requireStatus(t *testing.T, err error, status int) {
	t.Helper()
	e, ok := errors.AsType[*httphead.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, status, e.Status, "%v", err)
	require.NotContains(t, e.Error(), "reason ")
}

// FuzzChunked holds the reader of the chunked coding against net/http's, the
// bytes cut into pieces in any way.
func FuzzChunked(f *testing.F) {
	for _, c := range chunked {
		f.Add([]byte(c.raw), uint8(3), uint8(200))
	}
	f.Fuzz(func(t *testing.T, b []byte, first, then uint8) {
		body := chunkedBody(t)
		whole := body
		n, err := whole.Next(b)

		pieces := body
		m, step := 0, int(first)
		var piecesErr error
		for m < len(b) && !pieces.Done() && piecesErr == nil {
			if c := pieces.Certain(); c > 0 && then%2 == 0 {
				skip := min(c, int64(len(b)-m))
				pieces.Skip(skip)
				m += int(skip)
				continue
			}
			var k int
			k, piecesErr = pieces.Next(b[m:min(len(b), m+step+1)])
			m, step = m+k, int(then)
		}
		require.Equal(t, n, m)
		require.Equal(t, err, piecesErr)
		require.Equal(t, whole.Done(), pieces.Done())

		in := bufio.NewReaderSize(bytes.NewReader(append([]byte(chunkedHead), b...)), len(chunkedHead)+len(b)+16)
		other, readErr := http.ReadRequest(in)
		require.NoError(t, readErr)
		if err == nil {
			requireSameBody(t, b, body, other.Body, in)
		}
	})
}

const chunkedHead = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"

func chunkedBody(t testing.TB) httphead.Body {
	t.Helper()
	var p httphead.RequestParser
	var r httphead.Request
	n, err := p.Parse([]byte(chunkedHead), &r)
	require.NoError(t, err)
	require.Len(t, chunkedHead, n)
	return r.Body
}

// FuzzResponse holds the reader of responses against net/http's: what is relayed
// must be one response to it, as long as it is here.
func FuzzResponse(f *testing.F) {
	for _, c := range relayed {
		f.Add([]byte(c.raw), c.x.Head, c.x.HTTP10, c.x.Upgrade)
	}
	for _, c := range unrelayed {
		f.Add([]byte(c.raw), c.x.Head, c.x.HTTP10, c.x.Upgrade)
	}
	f.Fuzz(func(t *testing.T, b []byte, head, old, upgrade bool) {
		x := httphead.Exchange{Head: head, HTTP10: old, Upgrade: upgrade}
		var p, again httphead.ResponseParser
		var r httphead.Response
		n, err := p.Parse(b, x, &r)
		var r2 httphead.Response
		for i := range pieces(b) {
			m, bytewise := again.Parse(b[:i], x, &r2)
			if bytewise != nil {
				require.Error(t, err, "refused in pieces: %v", bytewise)
				break
			}
			if m > 0 {
				require.Equal(t, n, m)
				break
			}
			if i == len(b) {
				require.Zero(t, n)
			}
		}
		if n == 0 {
			return
		}
		out := r.AppendRelay(nil)
		if r.Interim && old {
			require.Empty(t, out)
			return
		}
		requireOneResponse(t, out, b[n:], &r, x)
	})
}

func requireOneResponse(t *testing.T, out, rest []byte, r *httphead.Response, x httphead.Exchange) {
	t.Helper()
	request := &http.Request{Method: http.MethodGet}
	if x.Head {
		request.Method = http.MethodHead
	}
	in := bufio.NewReaderSize(bytes.NewReader(append(bytes.Clone(out), rest...)), len(out)+len(rest)+16)
	other, err := http.ReadResponse(in, request)
	require.NoError(t, err, "%q", out)
	require.Equal(t, len(rest), in.Buffered())
	require.Equal(t, r.Status, other.StatusCode)
	if r.Switched || r.Interim {
		return
	}
	require.Equal(t, !r.KeepClient, other.Close, "%q", out)
	if x.Head {
		require.True(t, r.Body.Done())
		return
	}
	if r.Body.UntilClose() {
		require.EqualValues(t, -1, other.ContentLength)
		require.False(t, r.KeepBackend || r.KeepClient)
		return
	}
	requireSameBody(t, rest, r.Body, other.Body, in)
}
