package proxyheader_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// A web server behind a proxy sees its clients' own addresses.
func Example() {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	l := &proxyheader.Listener{
		Listener: inner,
		Trusted:  []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "you are", r.RemoteAddr)
		}),
	}
	go server.Serve(l)
	defer server.Shutdown(context.Background())

	// The proxy sends the header and the client's first bytes in one write.
	c, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	out, err := proxyheader.AppendV1(nil,
		netip.MustParseAddrPort("198.51.100.7:64221"), netip.MustParseAddrPort("203.0.113.9:80"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Write(append(out, "GET / HTTP/1.0\r\n\r\n"...)); err != nil {
		log.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(answer[len(answer)-len("you are 198.51.100.7:64221\n"):]))
	// Output: you are 198.51.100.7:64221
}

// An IPv4 client of a proxy whose connection to the backend is IPv6: the header
// has the proxy's own IPv4 address as destination, and the IPv6 ones nowhere.
func ExampleAppendV1() {
	client := netip.MustParseAddrPort("198.51.100.7:64221")
	local := netip.MustParseAddrPort("203.0.113.9:443") // LocalAddr of the accepted connection
	line, err := proxyheader.AppendV1(nil, client, local)
	fmt.Printf("%q %v\n", line, err)
	// Output: "PROXY TCP4 198.51.100.7 203.0.113.9 64221 443\r\n" <nil>
}

func ExampleDecode() {
	var received []byte
	for _, segment := range []string{"PROXY TCP4 198.51.100.7 ", "203.0.113.9 64221 443\r\nGET /"} {
		received = append(received, segment...)
		h, n, err := proxyheader.Decode(received, proxyheader.DecodeOptions{})
		if errors.Is(err, proxyheader.ErrShort) {
			fmt.Println("read more")
			continue
		}
		fmt.Printf("%v %v %q\n", err, h.Source, received[n:])
	}
	// Output:
	// read more
	// <nil> 198.51.100.7:64221 "GET /"
}
