package httphead_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

func TestRequestAccepted(t *testing.T) {
	var r httphead.Request // one for all: nothing of one may be left in the next
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			var p httphead.RequestParser
			n, err := p.Parse([]byte(c.raw), &r)
			require.NoError(t, err)
			require.Equal(t, strings.Index(c.raw, "\r\n\r\n")+4, n)
			require.Equal(t, c.host, string(r.Host()))
			require.Equal(t, c.target, string(r.Target))
			require.Equal(t, c.host == "", r.NoHost)
		})
	}
}

// The smuggling table: what is read in two ways by two servers is read by none.
func TestRequestRefused(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			var p httphead.RequestParser
			var r httphead.Request
			n, err := p.Parse([]byte(c.raw), &r)
			require.Zero(t, n)
			requireStatus(t, err, c.status)
			require.Equal(t, &httphead.Error{Status: c.status, Why: c.why}, err)
		})
	}
}

// Whatever the pieces, the head is the same.
func TestRequestInPieces(t *testing.T) {
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			raw := []byte(c.raw)
			end := bytes.Index(raw, []byte("\r\n\r\n")) + 4
			for cut := 1; cut < end; cut++ {
				var p httphead.RequestParser
				var r httphead.Request
				if n, err := p.Parse(raw[:cut], &r); n != 0 || err != nil {
					t.Fatalf("after %d bytes: %d, %v", cut, n, err)
				}
				if n, err := p.Parse(raw, &r); n != end || err != nil || string(r.Host()) != c.host {
					t.Fatalf("cut after %d bytes: %d, %v, host %q", cut, n, err, r.Host())
				}
			}
			requireSamePieces(t, raw, end, nil)
		})
	}
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			var p httphead.RequestParser
			var r httphead.Request
			raw := c.raw + "\r\n\r\n" // until then, more might come
			for i := range len(raw) + 1 {
				n, err := p.Parse([]byte(raw[:i]), &r)
				if err != nil {
					return
				}
				if n != 0 {
					t.Fatalf("accepted after %d bytes", i)
				}
			}
			t.Fatal("not refused byte by byte")
		})
	}
}

// What is no HTTP at all is refused before a head's end, which may never come.
func TestRequestRefusedEarly(t *testing.T) {
	for _, raw := range []string{
		"\x16", "GET /\r\n", "GET / X", "GET / HTTP/2", "\r\n\r\n", "GET / HTTP/1.1\r\nHost : a", "GET / HTTP/1.1\r\nX: y\n",
	} {
		var p httphead.RequestParser
		var r httphead.Request
		_, err := p.Parse([]byte(raw), &r)
		require.Error(t, err, "%q", raw)
	}
	var p httphead.RequestParser
	var r httphead.Request
	for _, piece := range []string{"GE", "GET /", "GET /\r"} {
		n, err := p.Parse([]byte(piece), &r)
		require.NoError(t, err)
		require.Zero(t, n)
	}
	_, err := p.Parse([]byte("GET /\r\n"), &r)
	require.Error(t, err, "HTTP/0.9 in pieces")
}

func TestRequestLimits(t *testing.T) {
	raw := "GET / HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n"
	parse := func(l httphead.Limits) (int, error) {
		p := httphead.RequestParser{Limits: l}
		var r httphead.Request
		return p.Parse([]byte(raw), &r)
	}
	n, err := parse(httphead.Limits{Head: len(raw), Fields: 2})
	require.NoError(t, err)
	require.Len(t, raw, n)
	_, err = parse(httphead.Limits{Head: len(raw) - 1})
	requireStatus(t, err, http.StatusRequestHeaderFieldsTooLarge)
	_, err = parse(httphead.Limits{Head: 10})
	requireStatus(t, err, http.StatusRequestURITooLong)
	_, err = parse(httphead.Limits{Fields: 1})
	requireStatus(t, err, http.StatusRequestHeaderFieldsTooLarge)

	large := "GET / HTTP/1.1\r\nHost: a.example\r\nX: " + strings.Repeat("y", 65535)
	p := httphead.RequestParser{Limits: httphead.Limits{Head: 1 << 20}}
	var r httphead.Request
	_, err = p.Parse([]byte(large[:65534]), &r)
	require.NoError(t, err)
	_, err = p.Parse([]byte(large), &r)
	requireStatus(t, err, http.StatusRequestHeaderFieldsTooLarge)
}

// After a head, an error or a Reset, a parser begins anew.
func TestRequestParserAgain(t *testing.T) {
	var p httphead.RequestParser
	var r httphead.Request
	two := []byte("GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\nGET /2 HTTP/1.1\r\nHost: b.example\r\n\r\n")
	n, err := p.Parse(two, &r)
	require.NoError(t, err)
	require.Equal(t, "/1", string(r.Target))
	n, err = p.Parse(two[n:], &r)
	require.NoError(t, err)
	require.Equal(t, len(two)/2, n)
	require.Equal(t, "b.example", string(r.Host()))

	_, err = p.Parse([]byte("GET / HTTP/1.1\r\nHo"), &r)
	require.NoError(t, err)
	p.Reset()
	n, err = p.Parse(two[n:], &r)
	require.NoError(t, err)
	require.Equal(t, len(two)/2, n)
	_, err = p.Parse([]byte("\n"), &r)
	require.Error(t, err)
	_, err = p.Parse(two, &r)
	require.NoError(t, err)
}

func TestRequestFlags(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  string
		want func(*httphead.Request) bool
	}{
		{"keeps", hosted("a.example"), func(r *httphead.Request) bool { return !r.Close && r.Exchange() == httphead.Exchange{} }},
		{"closes", post("Connection: x, CLOSE"), func(r *httphead.Request) bool {
			return r.Close && r.Exchange().CloseClient && !r.Exchange().CloseBackend
		}},
		{"old closes", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", func(r *httphead.Request) bool {
			return r.Close && r.HTTP10 && r.Exchange() == httphead.Exchange{HTTP10: true, CloseClient: true, CloseBackend: true}
		}},
		{"head", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", func(r *httphead.Request) bool { return r.Exchange().Head }},
		{"literal", hosted("[::1]:8"), func(r *httphead.Request) bool { return r.Literal && string(r.Port()) == "8" }},
		{"no port", hosted("a:"), func(r *httphead.Request) bool { return !r.Literal && r.Port() == nil }},
		{"expects", post("Content-Length: 1", "Expect: 100-continue"), func(r *httphead.Request) bool { return r.Expect }},
		{"old expects nothing", "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", func(r *httphead.Request) bool { return !r.Expect }},
		{"GET with a body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", func(r *httphead.Request) bool { return r.Exchange().CloseBackend && !r.Exchange().CloseClient }},
		{"POST with a body", post("Content-Length: 1"), func(r *httphead.Request) bool { return !r.Exchange().CloseBackend && !r.Body.Done() }},
		{"websocket", websocket("GET", "Upgrade", "websocket", ""), func(r *httphead.Request) bool { return r.Upgrade && r.Exchange().Upgrade }},
		{"websocket by POST", websocket("POST", "Upgrade", "websocket", ""), notUpgraded},
		{"websocket with a body", websocket("GET", "Upgrade", "websocket", "Content-Length: 1\r\n"), notUpgraded},
		{"websocket not in Connection", websocket("GET", "keep-alive", "websocket", ""), notUpgraded},
		{"two protocols", websocket("GET", "Upgrade", "websocket, h2c", ""), notUpgraded},
		{"two Upgrade fields", websocket("GET", "Upgrade", "websocket", "Upgrade: h2c\r\n"), notUpgraded},
		{"h2c", websocket("GET", "Upgrade", "h2c", ""), notUpgraded},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parse(t, c.raw)
			require.True(t, c.want(r), "%+v", r)
		})
	}
}

func websocket(method, connection, protocol, more string) string {
	return method + " / HTTP/1.1\r\nHost: a.example\r\nConnection: " + connection + "\r\nUpgrade: " + protocol + "\r\n" + more + "\r\n"
}

func notUpgraded(r *httphead.Request) bool { return !r.Upgrade && !r.Exchange().Upgrade }

func parse(t testing.TB, raw string) *httphead.Request {
	t.Helper()
	var p httphead.RequestParser
	r := new(httphead.Request)
	n, err := p.Parse([]byte(raw), r)
	require.NoError(t, err)
	require.NotZero(t, n)
	return r
}

func TestACME(t *testing.T) {
	for target, want := range map[string]bool{
		"/.well-known/acme-challenge/DGyRejmCefe7v4NfDGDKfA-_x0":   true,
		"http://a.example/.well-known/acme-challenge/x":            true,
		"/.well-known/acme-challenge/":                             false,
		"/.well-known/acme-challenge":                              false,
		"/.well-known/acme-challenge/..":                           false,
		"/.well-known/acme-challenge/../../admin":                  false,
		"/.well-known/acme-challenge/%2e%2e/admin":                 false,
		"/.well-known/acme-challenge/x/y":                          false,
		"/.well-known/acme-challenge/x?y":                          false,
		"/x/.well-known/acme-challenge/y":                          false,
		"/.Well-Known/acme-challenge/x":                            false,
		"http://a.example/x?/.well-known/acme-challenge/x":         false,
		"//.well-known/acme-challenge/x":                           false,
		"/.well-known/acme-challenge/" + strings.Repeat("a", 1000): true,
	} {
		require.Equal(t, want, parse(t, targeted(target)).ACME(), target)
	}
}
