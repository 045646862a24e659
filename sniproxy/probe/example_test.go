package probe_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy/probe"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// A plain web server behind a proxy that is set to send headers.
func Example() {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	addr := s.Listener.Addr().(*net.TCPAddr).AddrPort()

	p := &probe.Prober{Check: func(a netip.AddrPort) error {
		if !a.Addr().IsLoopback() {
			return errors.New("not one of ours")
		}
		return nil
	}}
	report, err := p.Probe(context.Background(), addr, probe.HTTP, "www.example.org")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("expects:", report.Verdict)
	advice := report.Advise(proxyheader.V1)
	fmt.Println("fits:", advice.OK)
	fmt.Println(advice.Remedies[0])
	for _, l := range advice.Logs[:2] {
		fmt.Printf("%s, %s: %s\n", l.Program, l.Log, l.Example)
	}
	// Output:
	// expects: none
	// fits: false
	// Set the PROXY protocol of this site to off at the proxy.
	// nginx, access log: "PROXY TCP4 198.51.100.7 203.0.113.9 64221 80" 400
	// Apache, access log: "PROXY TCP4 198.51.100.7" 400
}

func ExampleExplain() {
	d, ok := probe.Explain(`[error] 7#7: *4 broken header: "GET / HTTP/1.1`)
	fmt.Println(ok, d.Program, "-", d.Fault)
	fmt.Println(d.Text)
	// Output:
	// true nginx - missing header
	// nginx expects a PROXY header on this port, and got a connection without one. An HTTP request came instead.
}
