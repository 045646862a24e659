package httphead_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

func read(t *testing.T, out []byte, method string) (*http.Response, string) {
	t.Helper()
	in := bufio.NewReader(bytes.NewReader(out))
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	_, err = in.ReadByte()
	require.ErrorIs(t, err, io.EOF, "more than one response in %q", out)
	return resp, string(body)
}

func TestAppendError(t *testing.T) {
	for _, status := range []int{400, 403, 404, 405, 408, 414, 417, 421, 429, 431, 500, 501, 502, 503, 504, 505, 508} {
		resp, body := read(t, httphead.AppendError(nil, status, ""), "GET")
		require.Equal(t, status, resp.StatusCode)
		require.Equal(t, http.StatusText(status)+"\n", body)
		require.True(t, resp.Close)
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.Equal(t, status == 405, resp.Header.Get("Allow") != "")
	}
	resp, body := read(t, httphead.AppendError(nil, 404, "no such site"), "GET")
	require.Equal(t, 404, resp.StatusCode)
	require.Equal(t, "no such site\n", body)
	resp, body = read(t, httphead.AppendErrorHead(nil, 404, "no such site"), "HEAD")
	require.EqualValues(t, 13, resp.ContentLength)
	require.Empty(t, body)
	require.Equal(t, ">", string(httphead.AppendError([]byte(">"), 400, "")[:1]))
}

func TestAppendRedirect(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		port      uint16
		location  string
		status    int
		keep      bool
	}{
		{"get", "GET /a?b HTTP/1.1\r\nHost: A.example:80\r\n\r\n", 0, "https://a.example/a?b", 301, true},
		{"head", "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n", 443, "https://a.example/", 301, true},
		{"another port", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 8443, "https://a.example:8443/", 301, true},
		{"post", "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n", 0, "https://a.example/a", 308, false},
		{"post without a body", "POST /a HTTP/1.1\r\nHost: a.example\r\n\r\n", 0, "https://a.example/a", 308, true},
		{"IPv6", "GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, "https://[::1]/a", 301, true},
		{"two slashes", "GET //b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", 0, "https://a.example//b.example/", 301, true},
		{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", 0, "https://a.example", 308, true},
		{"closing", "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n", 0, "https://a.example/", 301, false},
		{"old", "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n", 0, "https://a.example/", 301, false},
		{"no host", "GET / HTTP/1.0\r\n\r\n", 0, "", 400, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, keep := parse(t, c.raw).AppendRedirect(nil, c.port)
			resp, _ := read(t, out, "GET")
			require.Equal(t, c.status, resp.StatusCode)
			require.Equal(t, c.location, resp.Header.Get("Location"))
			require.Equal(t, c.keep, keep)
			require.Equal(t, !c.keep, resp.Close)
		})
	}
}

func TestErrorText(t *testing.T) {
	for why := httphead.BadStartLine; why <= httphead.BadOption; why++ {
		require.NotContains(t, why.String(), "reason ", "a reason without words")
	}
	require.Equal(t, "reason 200", httphead.Reason(200).String())
	require.EqualError(t, &httphead.Error{Status: 400, Why: httphead.TwoHosts}, "httphead: more than one Host (400 Bad Request)")
}
