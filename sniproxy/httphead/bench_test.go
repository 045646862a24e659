package httphead_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

// A browser's request, about 600 bytes.
const browser = "GET /assets/app.css?v=20261126 HTTP/1.1\r\n" +
	"Host: www.customer.example\r\n" +
	"Connection: keep-alive\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36\r\n" +
	"Accept: text/css,*/*;q=0.1\r\n" +
	"Referer: http://www.customer.example/blog/2026/11/a-post\r\n" +
	"Accept-Encoding: gzip, deflate\r\n" +
	"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
	"Cookie: session=3f6b0d0c6a1e4e7c9a57b7c1d2e3f405; theme=dark; _ga=GA1.1.1234567890.1700000000\r\n" +
	"If-None-Match: \"5f0c-61b2b0c4d9a40\"\r\n" +
	"If-Modified-Since: Tue, 24 Nov 2026 10:00:00 GMT\r\n" +
	"DNT: 1\r\n\r\n"

const server = "HTTP/1.1 200 OK\r\n" +
	"Server: nginx/1.22.1\r\n" +
	"Date: Thu, 26 Nov 2026 08:00:00 GMT\r\n" +
	"Content-Type: text/css\r\n" +
	"Content-Length: 24332\r\n" +
	"Last-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\n" +
	"Connection: keep-alive\r\n" +
	"ETag: \"5f0c-61b2b0c4d9a40\"\r\n" +
	"Cache-Control: max-age=3600\r\n" +
	"Accept-Ranges: bytes\r\n\r\n"

// TestAllocations: nothing on the way of a request and its response.
func TestAllocations(t *testing.T) {
	var (
		requests  httphead.RequestParser
		responses httphead.ResponseParser
		req       httphead.Request
		resp      httphead.Response
		out       = make([]byte, 0, 4096)
	)
	forward := *front
	in, back := []byte(browser), []byte(server)
	upload := []byte("5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n")
	body := chunkedBody(t)
	allocs := testing.AllocsPerRun(100, func() {
		for _, piece := range [][]byte{in[:10], in[:100], in} {
			if _, err := requests.Parse(piece, &req); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if out, err = req.AppendForward(out[:0], &forward); err != nil {
			t.Fatal(err)
		}
		b := body
		if n, err := b.Next(upload); err != nil || n != len(upload) {
			t.Fatal(n, err)
		}
		if _, err := responses.Parse(back, req.Exchange(), &resp); err != nil {
			t.Fatal(err)
		}
		out = resp.AppendRelay(out[:0])
		out = httphead.AppendError(out, 404, "")
		out, _ = req.AppendRedirect(out, 0)
		if req.ACME() || len(req.Host()) == 0 {
			t.Fatal("not the request")
		}
	})
	require.Zero(t, allocs)
}

func BenchmarkRequest(b *testing.B) {
	in, out := []byte(browser), make([]byte, 0, 4096)
	var p httphead.RequestParser
	var r httphead.Request
	o := &httphead.Forward{Client: netip.MustParseAddrPort("192.0.2.7:50000"), Via: "proxy1"}
	b.Run("Parse", func(b *testing.B) {
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			if n, err := p.Parse(in, &r); n == 0 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("AppendForward", func(b *testing.B) {
		r := parse(b, browser)
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if out, err = r.AppendForward(out[:0], o); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkResponse(b *testing.B) {
	in, out := []byte(server), make([]byte, 0, 4096)
	var p httphead.ResponseParser
	var r httphead.Response
	b.Run("Parse", func(b *testing.B) {
		b.SetBytes(int64(len(in)))
		b.ReportAllocs()
		for b.Loop() {
			if n, err := p.Parse(in, httphead.Exchange{}, &r); n == 0 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("AppendRelay", func(b *testing.B) {
		r := respond(b, server, httphead.Exchange{})
		b.ReportAllocs()
		for b.Loop() {
			out = r.AppendRelay(out[:0])
		}
	})
}

func BenchmarkBody(b *testing.B) {
	chunk := []byte("4000\r\n" + strings.Repeat("x", 0x4000) + "\r\n")
	body := chunkedBody(b)
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if n, err := body.Next(chunk); n != len(chunk) || err != nil {
			b.Fatal(n, err)
		}
	}
}
