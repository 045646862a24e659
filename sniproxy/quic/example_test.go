package quic_test

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
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

// A Collector tells the name in captured datagrams.
func ExampleCollector() {
	hello := sniproxytest.HelloMessage("www.example.com", sniproxytest.HelloOptions{QUIC: []byte{}, Classical: true})
	frame := append([]byte{0x06, 0, 0x40 | byte(len(hello)>>8), byte(len(hello))}, hello...)
	datagram := quic.SealInitial(quic.Version1, []byte("12345678"), nil, 0, frame, 1200) // what a client would send

	var c quic.Collector
	var info clienthello.Info
	status, err := c.Add(datagram, &info)
	fmt.Println(status == clienthello.Complete, string(info.ServerName), err)
	// Output: true www.example.com <nil>
}
