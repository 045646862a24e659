package httphead_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

const ours = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\nX-Real-IP: 192.0.2.7\r\nForwarded: for=192.0.2.7;host=a.example;proto=http\r\n"

func TestAppendForward(t *testing.T) {
	client := netip.MustParseAddrPort("192.0.2.7:50000")
	plain := httphead.Forward{Client: client}
	for _, c := range []struct {
		name string
		raw  string
		o    httphead.Forward
		want string
	}{
		{
			"nothing to change", "GET / HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nCookie: a=b\r\n\r\n", plain,
			"GET / HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nCookie: a=b\r\n" + ours + "\r\n",
		},
		{
			"canonical", "GET http://A.Example./x HTTP/1.1\r\nAccept:\t*/* \r\nHost: b.example\r\nX-Empty:\r\n\r\n", plain,
			"GET /x HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nX-Empty: \r\n" + ours + "\r\n",
		},
		{
			"between neighbours",
			"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Keep-Alive, x-a, Cookie\r\nKeep-Alive: 5\r\nX-A: 1\r\nx-b: 2\r\nCookie: a\r\nTE: trailers\r\nTrailer: x\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nProxy-Authenticate: x\r\nHTTP2-Settings: x\r\nUpgrade: h2c\r\nProxy: x\r\n\r\n", plain,
			"GET / HTTP/1.1\r\nHost: a.example\r\nx-b: 2\r\n" + ours + "\r\n",
		},
		{
			"forged",
			"GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 1\r\nx-forwarded-proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 1\r\nX-Forwarded: 1\r\nX-Real-IP: 1\r\nForwarded: for=1\r\nX-Forward: y\r\n\r\n", plain,
			"GET / HTTP/1.1\r\nHost: a.example\r\nX-Forward: y\r\n" + ours + "\r\n",
		},
		{
			"names that fold",
			"GET / HTTP/1.1\r\nHost: a.example\r\nX_Forwarded_For: 1\r\nX-Forwarded_Port: 1\r\nX_Real-IP: 1\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nKeep_Alive: 1\r\nX.Forwarded.For: 1\r\nX+Real~IP: 1\r\nX-Forwarded!: 1\r\nX_Other: y\r\nX.Other: z\r\n\r\n", plain,
			"GET / HTTP/1.1\r\nHost: a.example\r\nX_Other: y\r\nX.Other: z\r\n" + ours + "\r\n",
		},
		{
			"length", "POST / HTTP/1.1\r\nContent-Length: 005\r\nHost: a.example\r\nConnection: Content-Length\r\n\r\n", plain,
			"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n" + ours + "\r\n",
		},
		{
			"no body", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n", plain,
			"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n" + ours + "\r\n",
		},
		{
			"chunked", "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\nExpect: 100-continue\r\n\r\n", plain,
			"POST / HTTP/1.1\r\nHost: a.example\r\nTrailer: X-Sum\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n" + ours + "\r\n",
		},
		{
			"GET with a body", "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n", plain,
			"GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nConnection: close\r\n" + ours + "\r\n",
		},
		{
			"websocket", "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: k\r\n\r\n", plain,
			"GET / HTTP/1.1\r\nHost: a.example\r\nSec-WebSocket-Key: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + ours + "\r\n",
		},
		{
			"the client closes", "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n", plain,
			"GET / HTTP/1.1\r\nHost: a.example\r\n" + ours + "\r\n",
		},
		{
			"old", "GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n", httphead.Forward{Client: client, Via: "p"},
			"GET / HTTP/1.0\r\nHost: a.example\r\n" + ours + "Via: 1.0 p\r\n\r\n",
		},
		{
			"no host", "GET / HTTP/1.0\r\n\r\n", plain,
			"GET / HTTP/1.0\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Real-IP: 192.0.2.7\r\nForwarded: for=192.0.2.7;proto=http\r\n\r\n",
		},
		{
			"no host but a default", "GET / HTTP/1.0\r\n\r\n", httphead.Forward{Client: client, Host: "a.example"},
			"GET / HTTP/1.0\r\nHost: a.example\r\n" + ours + "\r\n",
		},
		{
			"ports and IPv6", "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\n",
			httphead.Forward{Client: netip.MustParseAddrPort("[2001:db8::7%eth0]:1"), Local: netip.MustParseAddrPort("[::ffff:203.0.113.9]:80"), Proto: "https", Via: "proxy1"},
			"GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\nX-Forwarded-For: 2001:db8::7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: [2001:db8::1]:8080\r\nX-Real-IP: 2001:db8::7\r\n" +
				"Forwarded: for=\"[2001:db8::7]\";by=203.0.113.9;host=\"[2001:db8::1]:8080\";proto=https\r\nVia: 1.1 proxy1\r\n\r\n",
		},
		{
			"client unknown", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", httphead.Forward{},
			"GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example\r\nX-Real-IP: unknown\r\nForwarded: for=unknown;host=a.example;proto=http\r\n\r\n",
		},
		{
			"Via is kept, whatever Connection says", "GET / HTTP/1.1\r\nHost: a.example\r\nVia: 1.1 proxy1\r\nConnection: Via\r\n\r\n", httphead.Forward{Client: client, Via: "proxy1"},
			"GET / HTTP/1.1\r\nHost: a.example\r\nVia: 1.1 proxy1\r\n" + ours + "Via: 1.1 proxy1\r\n\r\n",
		},
		{
			"a front of our own",
			"GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 198.51.100.2\r\nX-Forwarded-For:\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\nX-Forwarded-Port: 443\r\nX-Real-IP: 198.51.100.1\r\nForwarded: for=198.51.100.1;proto=https, for=x\r\nX_Forwarded_For: 1\r\n\r\n",
			httphead.Forward{Client: client, Trusted: true},
			"GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-Port: 443\r\nX-Forwarded-For: 198.51.100.1, 198.51.100.2, 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\nX-Real-IP: 198.51.100.1\r\n" +
				"Forwarded: for=198.51.100.1;proto=https, for=x, for=192.0.2.7;host=a.example;proto=http\r\n\r\n",
		},
		{
			"a front that says nothing", "GET / HTTP/1.1\r\nHost: a.example\r\nX-Real-IP:\r\n\r\n", httphead.Forward{Client: client, Trusted: true},
			"GET / HTTP/1.1\r\nHost: a.example\r\n" + ours + "\r\n",
		},
		{
			"a front that says two things, or half of one",
			"GET / HTTP/1.1\r\nHost: a.example\r\nX-Real-IP: 1\r\nX-Real-IP: 2\r\nForwarded: for=\"x\r\nForwarded: for=\"\\\"\"\r\n\r\n", httphead.Forward{Client: client, Trusted: true},
			strings.Replace("GET / HTTP/1.1\r\nHost: a.example\r\n"+ours+"\r\n", "Forwarded: for=192", "Forwarded: for=\"\\\"\", for=192", 1),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := parse(t, c.raw).AppendForward([]byte(">"), &c.o)
			require.NoError(t, err)
			require.Equal(t, ">"+c.want, string(out))
		})
	}
}

func TestAppendForwardLoop(t *testing.T) {
	for _, c := range []struct {
		name string
		via  string
		loop bool
	}{
		{"another", "Via: 1.1 proxy2, 1.1 proxy2", false},
		{"once", "Via: 1.1 proxy1", false},
		{"twice", "Via: 1.1 proxy1, 1.1 proxy2, 1.0 PROXY1", true},
		{"in two fields", "Via: 1.1 proxy1\r\nVia: HTTP/1.1  proxy1 (x)", true},
		{"behind a comment", "Via: 1.1 x (, 1.1 proxy1, 1.1 proxy1", true},
		{"as protocol", "Via: proxy1 x, proxy1 y", false},
		{"as part", "Via: 1.1 proxy11, 1.1 xproxy1", false},
		{"with a port", "Via: 1.1 proxy1:80, 1.1 proxy1:80", false},
		{"nonsense", "Via: ,,  ,1.1,1.1 ,", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parse(t, "GET / HTTP/1.1\r\nHost: a.example\r\n"+c.via+"\r\n\r\n")
			out, err := r.AppendForward([]byte(">"), &httphead.Forward{Via: "proxy1"})
			if !c.loop {
				require.NoError(t, err)
				return
			}
			requireStatus(t, err, 508)
			require.Equal(t, ">", string(out))
			_, err = r.AppendForward(nil, &httphead.Forward{})
			require.NoError(t, err, "without a name, no loop is seen")
		})
	}
}

// Not even an operator's slip can break the head in two.
func TestAppendForwardOptions(t *testing.T) {
	r := parse(t, "GET / HTTP/1.0\r\n\r\n")
	for _, o := range []httphead.Forward{
		{Via: "a b"}, {Via: "a\r\nX: y"}, {Proto: "http\r\n"}, {Host: "a\r\nb"}, {Host: `a"`}, {Host: "a b"},
	} {
		out, err := r.AppendForward([]byte(">"), &o)
		requireStatus(t, err, 500)
		require.Equal(t, ">", string(out))
	}
}
