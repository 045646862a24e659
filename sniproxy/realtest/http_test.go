package realtest_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"

	"github.com/mythic-beasts/hostkit/sniproxy"
)

// Port 80 with curl.
func TestRealHTTP(t *testing.T) {
	o := newOrigin(t)
	size := 3<<20 + 7
	sum := o.random(t, "random", size)
	upload := filepath.Join(o.files, "random")
	challenge := filepath.Join(o.files, ".well-known", "acme-challenge")
	require.NoError(t, os.MkdirAll(challenge, 0o700))
	o.write(t, filepath.Join(challenge, "token"), []byte("token.thumbprint"))
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, nil)
		t.Run("versions", func(t *testing.T) {
			for option, says := range map[string]string{"--http1.1": "HTTP/1.1", "--http1.0": "HTTP/1."} {
				got := curl(t, p.http, option, "http://one.example/who")
				require.Equal(t, "200", got.status)
				require.Contains(t, got.body, "one.example http "+says)
			}
		})
		t.Run("bodies", func(t *testing.T) {
			// With Expect nginx says 100 and only then curl sends.
			for _, args := range [][]string{
				{"-H", "Expect: 100-continue", "--expect100-timeout", "100"},
				{"-H", "Expect:"},
				{"-H", "Transfer-Encoding: chunked", "--expect100-timeout", "100"},
			} {
				got := curl(t, p.http, append(args, "-T", upload, "http://one.example/app/sum")...)
				require.Equal(t, fmt.Sprintf("PUT %d %s", size, sum), got.body, "%v", args)
			}
			out := run(t, "", "curl", curlArgs(p.http, "-v", "-H", "Expect: 100-continue", "-T", upload, "http://one.example/app/sum")...)
			require.Contains(t, out.stderr, "< HTTP/1.1 100 Continue")
			require.Equal(t, sum, hexSum([]byte(curl(t, p.http, "http://two.example/random").body)))
			require.Empty(t, curl(t, p.http, "-I", "-o", "/dev/null", "http://two.example/random").body)
		})
		t.Run("two sites on one connection", func(t *testing.T) {
			// Curl believes to talk to an HTTP proxy, and keeps one connection to it.
			all := answers(t, []string{"-q", "-sS", "-w", said, "--proxy", "http://" + p.http.String(),
				"http://one.example/who", "http://two.example/who", "http://one.example/random", "http://two.example/who"})
			require.Len(t, all, 4)
			for i, says := range []string{"one.example http", "two.example http", "", "two.example http"} {
				require.Contains(t, all[i].body, says)
				require.Equal(t, all[0].client, all[i].client)
			}
			require.Equal(t, sum, hexSum([]byte(all[2].body)))
			// By Host alone.
			again := append([]string{"--next"}, curlArgs(p.http, "-H", "Host: TWO.example.", "http://front.example/who")...)
			all = curls(t, p.http, append([]string{"-H", "Host: one.example", "http://front.example/who"}, again...)...)
			require.Equal(t, "two.example http HTTP/1.1", all[1].body)
			require.Equal(t, "0", all[1].connects)
		})
		t.Run("refusals", func(t *testing.T) {
			require.Equal(t, "400", curl(t, p.http, "-H", "Host: a b", "http://one.example/").status)
			require.Equal(t, "421", curl(t, p.http, "http://nobody.example/who").status)
		})
		t.Run("ACME", func(t *testing.T) {
			require.Equal(t, "token.thumbprint", curl(t, p.http, "http://one.example/.well-known/acme-challenge/token").body)
		})
		t.Run("forwarded", func(t *testing.T) { p.forwarded(t, o) })
		t.Run("websocket", func(t *testing.T) { p.websocket(t) })
	})
}

// forwarded sends what a client could want to be taken for, and looks what nginx
// logs.
func (p *proxy) forwarded(t *testing.T, o *origin) {
	t.Helper()
	mark := o.Mark()
	got := curl(t, p.http, "--interface", "127.0.0.5", "-H", "X-Forwarded-For: 203.0.113.66", "-H", "x-forwarded-for: 203.0.113.67",
		"-H", "X_Forwarded_For: 203.0.113.68", "-H", "X-Real-IP: 203.0.113.69", "-H", "Forwarded: for=203.0.113.70",
		"-H", "X-Forwarded-Proto: https", "-H", "X-Forwarded-Host: evil.example",
		"-H", "X-Secret: 1", "-H", "Connection: X-Secret", "http://one.example/who?forwarded")
	require.Equal(t, "200", got.status)
	var line string
	for l := range strings.Lines(o.Await(t, mark, "/who?forwarded")) {
		if strings.Contains(l, "/who?forwarded") {
			line = l
		}
	}
	require.NotContains(t, line, "203.0.113.")
	require.NotContains(t, line, "evil")
	require.Contains(t, line, " for=::1 xff=127.0.0.5 ")
	require.Contains(t, line, " proto=http host=one.example ")
	require.Contains(t, line, "1.1 realtest")
	require.Contains(t, line, "secret=-")
}

// websocket talks through nginx to the application behind it.
func (p *proxy) websocket(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", p.http.String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	config, err := websocket.NewConfig("ws://one.example/app/echo", "http://one.example/")
	require.NoError(t, err)
	ws, err := websocket.NewClient(config, conn)
	require.NoError(t, err)
	for n := 1; n <= 100_000; n *= 10 {
		sent := strings.Repeat("w", n)
		require.NoError(t, websocket.Message.Send(ws, sent))
		var back string
		for len(back) < n { // the application echoes what it read at once
			var part string
			require.NoError(t, websocket.Message.Receive(ws, &part))
			back += part
		}
		require.Equal(t, sent, back)
	}
	require.NoError(t, ws.Close())
	r := p.recorded(t, func(r *sniproxy.Record) bool { return r.Status == 101 })
	require.Equal(t, one, r.Site)
}
