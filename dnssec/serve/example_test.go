package serve_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/serve"
)

// A primary, and a fetch from it.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	key, err := serve.ParseKey("hmac-sha256:xfr.example:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	if err != nil {
		panic(err)
	}
	zone, err := dnssec.ParseZone(strings.NewReader("@ 60 SOA ns hostmaster 7 7200 3600 604800 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n"),
		"example.org", dnssec.Options{})
	if err != nil {
		panic(err)
	}
	server := &serve.Server{
		Keys:    []serve.Key{key},
		Default: serve.Config{Transfer: []serve.Access{{Prefix: netip.MustParsePrefix("127.0.0.0/8"), Key: key.Name}}},
	}
	if err := server.Publish(ctx, zone); err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Serve(ctx, serve.Listeners{TCP: []net.Listener{l}}) }()

	primary := serve.Primary{Addr: netip.MustParseAddrPort(l.Addr().String()), Key: &key}
	got, err := serve.Fetch(ctx, "example.org", nil, primary, serve.FetchLimits{})
	fmt.Println(err, got.Serial(), got.Records(), key)
	cancel()
	fmt.Println(<-ended)
	// Output:
	// <nil> 7 3 hmac-sha256:xfr.example
	// <nil>
}
