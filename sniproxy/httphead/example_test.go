package httphead_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

// A request is read, routed by its host and written anew for the backend.
func Example() {
	received := []byte("GET /a?b HTTP/1.1\r\nHost: WWW.Example.com.:80\r\nConnection: keep-alive\r\n" +
		"X-Forwarded-For: 127.0.0.1\r\nAccept: */*\r\n\r\n")
	var (
		parser httphead.RequestParser
		req    httphead.Request
	)
	n, err := parser.Parse(received, &req)
	if err != nil || n == 0 {
		return // AppendError and close, or read more
	}
	fmt.Printf("for %s\n", req.Host())
	out, err := req.AppendForward(nil, &httphead.Forward{
		Client: netip.MustParseAddrPort("192.0.2.7:51234"),
		Via:    "proxy1",
	})
	fmt.Print(strings.ReplaceAll(string(out), "\r", ""), err)
	// Output:
	// for www.example.com
	// GET /a?b HTTP/1.1
	// Host: www.example.com:80
	// Accept: */*
	// X-Forwarded-For: 192.0.2.7
	// X-Forwarded-Proto: http
	// X-Forwarded-Host: www.example.com:80
	// X-Real-IP: 192.0.2.7
	// Forwarded: for=192.0.2.7;host="www.example.com:80";proto=http
	// Via: 1.1 proxy1
	//
	// <nil>
}

// Of what two readers could read in two ways, nothing is forwarded.
func ExampleRequestParser() {
	var (
		parser httphead.RequestParser
		req    httphead.Request
	)
	_, err := parser.Parse([]byte("POST / HTTP/1.1\r\nHost: example.com\r\n"+
		"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"), &req)
	if e, ok := errors.AsType[*httphead.Error](err); ok {
		fmt.Println(e)
		fmt.Printf("%.24q…\n", httphead.AppendError(nil, e.Status, ""))
	}
	// Output:
	// httphead: both Content-Length and Transfer-Encoding (400 Bad Request)
	// "HTTP/1.1 400 Bad Request"…
}

// A body is followed without being changed; what comes behind it is the next
// message.
func ExampleBody() {
	var (
		parser httphead.RequestParser
		req    httphead.Request
	)
	b := []byte("POST / HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"3\r\nabc\r\n0\r\n\r\nGET /next HTTP/1.1\r\n")
	n, err := parser.Parse(b, &req)
	if err != nil {
		return
	}
	body := req.Body
	m, err := body.Next(b[n:])
	fmt.Printf("%q done=%v, then %q %v\n", b[n:n+m], body.Done(), b[n+m:], err)
	// Output: "3\r\nabc\r\n0\r\n\r\n" done=true, then "GET /next HTTP/1.1\r\n" <nil>
}
