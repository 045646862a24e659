package probe_test

import (
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/sniproxy/probe"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
	"github.com/stretchr/testify/require"
)

// Lines as nginx 1.22, Apache 2.4 and HAProxy 2.6 wrote them.
func TestExplain(t *testing.T) {
	const off, v1, v2 = proxyheader.Off, proxyheader.V1, proxyheader.V2
	const at = `2026/11/26 08:33:30 [error] 14637#14637: *4 `
	const reading = ` while reading PROXY protocol, client: ::1, server: [::1]:80`
	const apache = `[Thu Nov 26 08:34:09.737913 2026] [remoteip:error] [pid 15510:tid 15525] [client ::1:53296] `
	const haproxy = `::1:42942 [26/Nov/2026:08:33:39.003] b/1: `
	const access = `::1 - - [26/Nov/2026:08:33:30 +0000] `
	cases := []struct {
		name, line, program string
		fault               probe.Fault
		arrived             proxyheader.Version
		says                string // in text or remedies
	}{
		{"nginx, v1", access + `"PROXY TCP4 198.51.100.7 203.0.113.9 64221 80" 400 157 "-" "-"`, "nginx", probe.Unexpected, v1, "listen [::]:80 proxy_protocol;"},
		{"nginx, v1 UNKNOWN", access + `"PROXY UNKNOWN" 400 157 "-" "-"`, "nginx", probe.Unexpected, v1, ""},
		{"nginx error log, v1", `2026/11/26 08:33:30 [info] 1#1: *2 client sent invalid request while reading client request line, client: ::1, server: , request: "PROXY TCP4 198.51.100.7 203.0.113.9 64221 443"`, "nginx", probe.Unexpected, v1, ""},
		{"nginx, v2", access + `"\x00" 400 157 "-" "-"`, "nginx", probe.Unexpected, v2, "off for this site"},
		{"nginx, v2 with line ends", access + `"\x0D\x0A\x0D\x0A\x00\x0D\x0AQUIT\x0A!\x11" 400 157 "-" "-"`, "nginx", probe.Unexpected, v2, ""},
		{"nginx error log, v2", `2026/11/26 08:33:30 [info] 1#1: *3 client sent invalid method while reading client request line, client: ::1, server: , request: "` + "\x00" + `"`, "nginx", probe.Unexpected, v2, ""},
		{"nginx, bare HTTP", at + `broken header: "GET / HTTP/1.1`, "nginx", probe.Missing, off, "An HTTP request came"},
		{"nginx, bare TLS", at + "broken header: \"\x16\x03\x01\x02\x00\x01" + `"` + reading, "nginx", probe.Missing, off, "A TLS handshake came"},
		{"nginx, bare TLS, escaped", at + `broken header: "\x16\x03\x01` + reading, "nginx", probe.Missing, off, "A TLS handshake came"},
		{"nginx, bare anything", at + `broken header: "SSH-2.0-OpenSSH"` + reading, "nginx", probe.Missing, off, "take proxy_protocol out"},
		{"nginx, connected only", at + `broken header: ""` + reading, "nginx", probe.Gone, off, "only connect"},
		{"nginx, part of v1", at + `broken header: "PROXY TCP4 198.51."` + reading, "nginx", probe.Damaged, v1, "in pieces"},
		{"nginx, one byte of v1", at + `broken header: "P"` + reading, "nginx", probe.Damaged, v1, "in pieces"},
		{"old nginx, v2", at + "broken header: \"\r\n\r\n", "nginx", probe.Damaged, v2, "to v1 at the proxy"},
		{"old nginx, v2, escaped", at + `broken header: "\x0D\x0A\x0D\x0A\x00\x0D\x0AQUIT`, "nginx", probe.Damaged, v2, "1.13.11"},
		{"nginx, long", at + `header is too large` + reading, "nginx", probe.Damaged, v2, "1024"},
		{"nginx, version", at + `unknown PROXY protocol version: 1` + reading, "nginx", probe.Damaged, v2, "not 2"},
		{"nginx, nothing", at + `client closed connection` + reading, "nginx", probe.Gone, off, "harms nothing"},
		{"nginx, no TLS", at + `SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking`, "nginx", probe.NotTLS, off, "listen [::]:443 ssl proxy_protocol;"},

		{"Apache, v1", access + `"PROXY TCP4 198.51.100.7" 400 463`, "Apache", probe.Unexpected, v1, "RemoteIPProxyProtocol On"},
		{"Apache, v1 TCP6", access + `"PROXY TCP6 2001:db8::7" 400 463`, "Apache", probe.Unexpected, v1, ""},
		{"Apache, v2", access + `"" 400 463`, "Apache", probe.Unexpected, v2, "any bytes that are no request"},
		{"Apache, mixed", apache + `AH03502: RemoteIPProxyProtocol: error converting family '10', host '198.51.100.7', and port '64221' to sockaddr; header was 'PROXY TCP6 198.51.100.7 2001:db8::9 64221 443'`, "Apache", probe.Damaged, v1, ""},
		{"Apache, nonsense", apache + `AH03500: RemoteIPProxyProtocol: invalid client-address 'nonsense' found in header 'PROXY TCP4 nonsense'`, "Apache", probe.Damaged, v1, ""},
		{"Apache, UNKNOWN", apache + `AH03513: RemoteIPProxyProtocol: internal error: have data left over;  need=15, rcvd=41, brigade-empty=1`, "Apache", probe.Damaged, v1, "UNKNOWN"},
		{"Apache, UNSPEC", apache + `AH10183: RemoteIPProxyProtocol: unsupported protocol 00`, "Apache", probe.Damaged, v2, ""},
		{"Apache, long", apache + `AH10186: RemoteIPProxyProtocol protocol header length too long`, "Apache", probe.Damaged, v2, "232"},
		{"Apache, nothing", apache + `AH10634: RemoteIPProxyProtocol: connection closed before a complete header was received`, "Apache", probe.Gone, off, ""},
		{"Apache, no TLS", `[Thu Nov 26 08:33:36.219843 2026] [ssl:info] [pid 1:tid 2] [client ::1:53114] AH02008: SSL library error 1 in handshake (server localhost:443)`, "Apache", probe.NotTLS, off, ""},
		{"Apache, no TLS, why", `[Thu Nov 26 08:33:36.219870 2026] [ssl:info] [pid 1:tid 2] SSL Library Error: error:0A00010B:SSL routines::wrong version number`, "Apache", probe.NotTLS, off, ""},

		{"HAProxy, bare", haproxy + `Received something which does not look like a PROXY protocol header`, "HAProxy", probe.Missing, off, "accept-proxy"},
		{"HAProxy, invalid", haproxy + `Received an invalid PROXY protocol header`, "HAProxy", probe.Damaged, off, "checksum"},
		{"HAProxy, part", haproxy + `Truncated PROXY protocol header received`, "HAProxy", probe.Damaged, off, "in pieces"},
		{"HAProxy, nothing", haproxy + `Connection closed while waiting for PROXY protocol header`, "HAProxy", probe.Gone, off, ""},
		{"HAProxy, no request", `::1:40158 [26/Nov/2026:08:33:38.377] a a/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"`, "HAProxy", probe.Unexpected, off, ""},
		{"HAProxy, no TLS", haproxy + `SSL handshake failure`, "HAProxy", probe.NotTLS, off, "another cause"},

		{"curl", `curl: (35) error:0A00010B:SSL routines::wrong version number`, "", probe.NotTLS, off, "RemoteIPProxyProtocol On"},
		{"Chrome", `net::ERR_SSL_PROTOCOL_ERROR`, "", probe.NotTLS, off, ""},
		{"Firefox", `Error code: SSL_ERROR_RX_RECORD_TOO_LONG`, "", probe.NotTLS, off, ""},
		{"Go", `http: TLS handshake error from [::1]:1: tls: first record does not look like a TLS handshake`, "", probe.NotTLS, off, ""},
		{"another program", `Bad request: PROXY TCP4 198.51.100.7 203.0.113.9 64221 80`, "", probe.Unexpected, v1, ""},
		{"second line", "hello\n" + access + `"PROXY TCP4 198.51.100.7" 400 463` + "\n", "Apache", probe.Unexpected, v1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, ok := probe.Explain(c.line)
			require.True(t, ok)
			require.Equal(t, c.fault, d.Fault, d.Text)
			require.Equal(t, c.program, d.Program)
			require.Equal(t, c.arrived, d.Arrived)
			require.NotEmpty(t, d.Fault.String())
			text := d.Text + "\n" + strings.Join(d.Remedies, "\n")
			require.Contains(t, text, c.says)
			require.NotContains(t, text, "198.51.100.7 203", "nothing of the line is in the answer")
			if c.program != "" && c.fault != probe.NotTLS {
				require.Contains(t, d.Text, c.program)
			}
		})
	}
}

func TestExplainOtherLines(t *testing.T) {
	for _, line := range []string{
		"",
		`::1 - - [26/Nov/2026:08:33:29 +0000] "GET /index.html HTTP/1.1" 200 7 "-" "-"`,
		`::1 - - [26/Nov/2026:08:33:29 +0000] "GET /PROXY HTTP/1.1" 404 7 "-" "-"`,
		`::1 - - [26/Nov/2026:08:33:29 +0000] "-" 408 0`,
		`[remoteip:debug] AH03511: RemoteIPProxyProtocol: received valid PROXY header: 198.51.100.7:64221`,
		`[notice] start worker process 17`,
		`2026/11/26 [error] 1#1: *1 open() "/srv/x" failed (2: No such file or directory)`,
	} {
		_, ok := probe.Explain(line)
		require.False(t, ok, line)
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(`broken header: "GET / HTTP/1.1`)
	f.Add(`"PROXY TCP4 198.51.100.7" 400`)
	f.Add("broken header: \"\r\n\n")
	f.Add(strings.Repeat("PROXY TCP", 1000))
	f.Fuzz(func(t *testing.T, line string) {
		d, ok := probe.Explain(line)
		require.Equal(t, ok, d.Fault != 0)
		require.Equal(t, ok, d.Text != "")
		if ok {
			require.NotContains(t, d.Fault.String(), "Fault(")
			again, _ := probe.Explain("nothing to see\n" + line)
			require.Equal(t, d, again)
		}
	})
}
