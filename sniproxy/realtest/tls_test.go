package realtest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	utls "github.com/refraction-networking/utls"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

func TestRealCurl(t *testing.T) {
	o := newOrigin(t)
	size := 5<<20 + 1
	sum := o.random(t, "random", size)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, nil)
		for _, c := range []struct{ option, name, version, says string }{
			{"--http2", one, "2", "one.example https HTTP/2.0"},
			{"--http2", two, "2", "two.example https HTTP/2.0"},
			{"--http1.1", one, "1.1", "one.example https HTTP/1.1"},
			{"--http2", old, "1.1", "old.example https HTTP/1.1"},
			{"--http1.0", two, "1.1", "two.example https HTTP/1.0"}, // nginx answers in 1.1
		} {
			got := curl(t, p.tls, c.option, "--cacert", o.ca, "https://"+c.name+"/who")
			require.Equal(t, "200", got.status)
			require.Equal(t, c.version, got.version, "%v", c)
			require.Equal(t, c.says, got.body)
		}
		for _, option := range []string{"--http1.1", "--http2"} {
			got := curl(t, p.tls, option, "--cacert", o.ca, "-T", filepath.Join(o.files, "random"), "https://one.example/app/sum")
			require.Equal(t, fmt.Sprintf("PUT %d %s", size, sum), got.body, "the upload")
			got = curl(t, p.tls, option, "--cacert", o.ca, "https://two.example/random")
			require.Equal(t, sum, hexSum([]byte(got.body)), "the download")
		}
		many := curls(t, p.tls, "--cacert", o.ca, "https://one.example/who", "https://one.example/who?again", "https://two.example/who")
		require.Equal(t, []string{"1", "0", "1"}, []string{many[0].connects, many[1].connects, many[2].connects})
		require.Equal(t, "two.example https HTTP/2.0", many[2].body)

		out := run(t, "", "curl", curlArgs(p.tls, "-v", "--cacert", o.ca, "https://nobody.example/")...)
		require.Equal(t, 35, out.status, out.stderr)
		require.Contains(t, out.stderr, "unrecognized name")
	})
}

func TestRealOpenSSL(t *testing.T) {
	o := newOrigin(t)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, nil)
		client := func(args ...string) output {
			t.Helper()
			args = append([]string{"s_client", "-connect", p.tls.String(), "-CAfile", o.ca, "-verify_return_error", "-ign_eof"}, args...)
			return run(t, "GET /who HTTP/1.0\r\nHost: one.example\r\n\r\n", "openssl", args...)
		}
		for option, protocol := range map[string]string{"-tls1_2": "TLSv1.2", "-tls1_3": "TLSv1.3"} {
			out := client(option, "-servername", "ONE.example", "-verify_hostname", one)
			require.Zero(t, out.status, out.stderr)
			require.Contains(t, out.stdout, "New, "+protocol)
			require.Contains(t, out.stdout, "Verify return code: 0 (ok)")
			require.Contains(t, out.stdout, "one.example https HTTP/1.0")

			out = client(option, "-servername", "nobody.example")
			require.NotZero(t, out.status)
			require.Contains(t, out.stderr, "SSL alert number 112")
			out = client(option, "-noservername")
			require.NotZero(t, out.status)
			require.Contains(t, out.stderr, "SSL alert number 112")
		}
		p.counted(t, sniproxy.UnknownName, 2)
		p.counted(t, sniproxy.NoName, 2)
	})
}

// The post-quantum key share makes a hello of two segments. Nginx of Debian 12
// does not know it and takes another share, or asks for a second hello.
func TestRealPostQuantum(t *testing.T) {
	o := newOrigin(t)
	b := sniproxytest.NewBackend(t, sniproxytest.BackendOptions{TLS: true, Names: []string{"pq.example"}, Proxy: proxyheader.V2})
	pq := site("pq.example", b.Addr().Port(), 0)
	pq.Proxy = proxyheader.V2
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, append(o.sites, pq), nil)
		for _, c := range []struct {
			name   string
			offer  []tls.CurveID
			want   tls.CurveID
			roots  *x509.CertPool
			second bool
		}{
			{"pq.example", []tls.CurveID{tls.X25519MLKEM768}, tls.X25519MLKEM768, b.Roots(), false},
			{one, []tls.CurveID{tls.X25519MLKEM768, tls.X25519}, tls.X25519, o.roots, false},
			{two, []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256}, tls.CurveP256, o.roots, true},
		} {
			conn, err := tls.Dial("tcp", p.tls.String(), &tls.Config{ServerName: c.name, RootCAs: c.roots, CurvePreferences: c.offer})
			require.NoError(t, err, c.name)
			defer conn.Close()
			state := conn.ConnectionState()
			require.Equal(t, c.want, state.CurveID, c.name)
			require.Equal(t, c.second, state.HelloRetryRequest, c.name)
			require.NoError(t, conn.Close())
			r := p.recorded(t, func(r *sniproxy.Record) bool { return r.Name == c.name })
			require.Equal(t, sniproxy.Routed, r.Result)
			require.Greater(t, r.HelloSize, 1200)
		}
	})
}

// The hellos of browsers complete a handshake, and a request is answered.
func TestRealBrowserHellos(t *testing.T) {
	o := newOrigin(t)
	engines(t, func(t *testing.T, e sniproxy.Engine) {
		p := newProxy(t, e, o.sites, nil)
		for _, id := range []utls.ClientHelloID{
			utls.HelloChrome_133, utls.HelloChrome_131, utls.HelloChrome_120, utls.HelloFirefox_120, utls.HelloSafari_16_0,
			utls.HelloIOS_14, utls.HelloEdge_106,
		} {
			t.Run(id.Str(), func(t *testing.T) {
				c, err := net.Dial("tcp", p.tls.String())
				require.NoError(t, err)
				defer c.Close()
				require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
				u := utls.UClient(c, &utls.Config{ServerName: old, RootCAs: o.roots}, id)
				require.NoError(t, u.Handshake())
				require.Equal(t, "http/1.1", u.ConnectionState().NegotiatedProtocol)
				_, err = u.Write([]byte("GET /who HTTP/1.1\r\nHost: old.example\r\nConnection: close\r\n\r\n"))
				require.NoError(t, err)
				resp, err := http.ReadResponse(bufio.NewReader(u), nil)
				require.NoError(t, err)
				defer resp.Body.Close()
				require.Equal(t, http.StatusOK, resp.StatusCode)
			})
		}
	})
}
