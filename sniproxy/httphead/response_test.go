package httphead_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

func respond(t testing.TB, raw string, x httphead.Exchange) *httphead.Response {
	t.Helper()
	var p httphead.ResponseParser
	r := new(httphead.Response)
	n, err := p.Parse([]byte(raw), x, r)
	require.NoError(t, err)
	require.NotZero(t, n)
	return r
}

func TestResponseRelayed(t *testing.T) {
	var r httphead.Response
	for _, c := range relayed {
		t.Run(c.name, func(t *testing.T) {
			var p httphead.ResponseParser
			n, err := p.Parse([]byte(c.raw), c.x, &r)
			require.NoError(t, err)
			require.Equal(t, strings.Index(c.raw, "\r\n\r\n")+4, n)
			require.Equal(t, c.body, bodyForm(&r.Body))
			require.Equal(t, c.keepBackend, r.KeepBackend, "backend")
			require.Equal(t, c.keepClient, r.KeepClient, "client")
			if out := r.AppendRelay(nil); len(out) > 0 {
				requireOneResponse(t, out, []byte(c.raw[n:]), &r, c.x)
			}
		})
	}
}

func bodyForm(b *httphead.Body) string {
	switch {
	case b.Chunked():
		return "chunked"
	case b.UntilClose():
		return "close"
	case b.Done():
		return "none"
	}
	return "length"
}

func TestResponseUnrelayed(t *testing.T) {
	for _, c := range unrelayed {
		t.Run(c.name, func(t *testing.T) {
			var p httphead.ResponseParser
			var r httphead.Response
			n, err := p.Parse([]byte(c.raw), c.x, &r)
			require.Zero(t, n)
			require.Equal(t, &httphead.Error{Status: 502, Why: c.why}, err)
		})
	}
}

func TestResponseInPieces(t *testing.T) {
	for _, c := range relayed {
		t.Run(c.name, func(t *testing.T) {
			raw := []byte(c.raw)
			end := bytes.Index(raw, []byte("\r\n\r\n")) + 4
			var p httphead.ResponseParser
			var r httphead.Response
			for i := range end {
				n, err := p.Parse(raw[:i], c.x, &r)
				require.NoError(t, err)
				require.Zero(t, n)
			}
			n, err := p.Parse(raw, c.x, &r)
			require.NoError(t, err)
			require.Equal(t, end, n)
			require.Equal(t, c.body, bodyForm(&r.Body))
		})
	}
	for _, c := range unrelayed {
		t.Run(c.name, func(t *testing.T) {
			var p httphead.ResponseParser
			var r httphead.Response
			raw := c.raw + "\r\n\r\n"
			for i := range len(raw) + 1 {
				n, err := p.Parse([]byte(raw[:i]), c.x, &r)
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

func TestResponseParserReset(t *testing.T) {
	p := httphead.ResponseParser{Limits: httphead.Limits{Head: 40}}
	var r httphead.Response
	_, err := p.Parse([]byte("HTTP/1.1 200 OK\r\nX"), httphead.Exchange{}, &r)
	require.NoError(t, err)
	p.Reset()
	n, err := p.Parse([]byte("HTTP/1.1 404 \r\n\r\n"), httphead.Exchange{}, &r)
	require.NoError(t, err)
	require.NotZero(t, n)
	require.Equal(t, 404, r.Status)
	require.Empty(t, r.Reason)
}

func TestAppendRelay(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  string
		x    httphead.Exchange
		want string
	}{
		{
			"as it is", "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 2\r\nETag: \"e\"\r\n\r\nok", httphead.Exchange{},
			"HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nETag: \"e\"\r\nContent-Length: 2\r\n\r\n",
		},
		{
			"white space and an old backend", "HTTP/1.0 200 OK\r\nServer:\tx \r\nDate:\r\nContent-Length: 02\r\n\r\nok", httphead.Exchange{},
			"HTTP/1.1 200 OK\r\nServer: x\r\nDate: \r\nContent-Length: 2\r\n\r\n",
		},
		{
			"between neighbours", "HTTP/1.1 200 OK\r\nConnection: close, x-a\r\nX-A: 1\r\nX-B: 2\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nTransfer-Encoding: CHUNKED\r\nTrailer: X-Sum\r\n\r\n", httphead.Exchange{},
			"HTTP/1.1 200 OK\r\nX-B: 2\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n",
		},
		{
			"until the end", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", httphead.Exchange{},
			"HTTP/1.1 200 OK\r\nServer: x\r\nConnection: close\r\n\r\n",
		},
		{
			"the client closes", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", httphead.Exchange{CloseClient: true},
			"HTTP/1.1 404 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		},
		{
			"no content", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", httphead.Exchange{},
			"HTTP/1.1 204 No Content\r\n\r\n",
		},
		{
			"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", httphead.Exchange{},
			"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		},
		{
			"continue", "HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n", httphead.Exchange{},
			"HTTP/1.1 100 Continue\r\n\r\n",
		},
		{"continue for an old client", "HTTP/1.1 100 Continue\r\n\r\n", httphead.Exchange{HTTP10: true}, ""},
		{
			"websocket", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n", httphead.Exchange{Upgrade: true},
			"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := respond(t, c.raw, c.x)
			require.Equal(t, ">"+c.want, string(r.AppendRelay([]byte(">"))))
		})
	}
}

func TestResponseKinds(t *testing.T) {
	r := respond(t, "HTTP/1.1 103 Early Hints\r\n\r\n", httphead.Exchange{})
	require.True(t, r.Interim)
	require.False(t, r.Switched)
	r = respond(t, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", httphead.Exchange{Upgrade: true})
	require.True(t, r.Switched)
	require.False(t, r.Interim)
	r = respond(t, "HTTP/1.1 200 All is well\r\n\r\n", httphead.Exchange{})
	require.Equal(t, "All is well", string(r.Reason))
	require.False(t, r.Interim || r.Switched)
}
