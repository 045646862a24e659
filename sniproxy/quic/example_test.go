package quic_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
)

func Example() {
	web := &backend.Pool{Members: []backend.Member{{Addr: netip.MustParseAddrPort("[2001:db8:1::10]:443")}}}
	s := &quic.Server{
		Router: sniproxy.RouterFunc(func(r *sniproxy.Request) (sniproxy.Decision, error) {
			if r.Name != "www.example.com" {
				return sniproxy.Decision{}, sniproxy.ErrUnknownName
			}
			return sniproxy.Decision{Site: "example", Backend: web}, nil
		}),
		Guard: &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/48")}},
	}
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- s.Serve(pc) }()
	_ = s.Close()
	fmt.Println(<-done)
	// Output: sniproxy: server closed
}

// A Collector tells the name in captured datagrams, such as that of RFC 9001
// appendix A.2.
func ExampleCollector() {
	text, _ := os.ReadFile("testdata/rfc9001-a2.hex")
	datagram, _ := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))

	var c quic.Collector
	var info clienthello.Info
	status, err := c.Add(datagram, &info)
	fmt.Println(status == clienthello.Complete, string(info.ServerName), err)
	// Output: true example.com <nil>
}
