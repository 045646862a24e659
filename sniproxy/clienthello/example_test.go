package clienthello_test

import (
	"fmt"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// A hello arrives in two segments; a client that does not speak TLS is told from
// one that does.
func Example() {
	hello := sniproxytest.Hello("WWW.Example.com.", sniproxytest.HelloOptions{ALPN: []string{"h2"}})
	var p clienthello.Parser
	var info clienthello.Info
	for _, received := range [][]byte{hello[:1000], hello, []byte("GET / HTTP/1.1\r\n")} {
		switch status, err := p.Parse(received, &info); status {
		case clienthello.NeedMore:
			fmt.Println("more, please")
		case clienthello.Complete:
			fmt.Printf("%s, h2: %v\n", info.ServerName, info.HasALPN("h2"))
		case clienthello.Malformed:
			fmt.Println(err)
		}
	}
	// Output:
	// more, please
	// www.example.com, h2: true
	// clienthello: plain HTTP instead of TLS
}

func ExampleCanonicalName() {
	name, err := clienthello.CanonicalName(nil, []byte("Example.COM."))
	fmt.Printf("%s %v\n", name, err)
	_, err = clienthello.CanonicalName(nil, []byte("192.0.2.1"))
	fmt.Println(err)
	// Output:
	// example.com <nil>
	// clienthello: an IP address instead of a name
}
