package memnet_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"

	"github.com/mythic-beasts/hostkit/internal/memnet"
)

func ExampleNetwork() {
	var n memnet.Network
	ln, err := n.Listen(netip.MustParseAddrPort("192.0.2.1:25"))
	if err != nil {
		panic(err)
	}
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "220 hello")
	}()
	conn, err := n.DialContext(context.Background(), "tcp", "192.0.2.1:25")
	if err != nil {
		panic(err)
	}
	greeting, err := io.ReadAll(conn)
	fmt.Println(string(greeting), err)
	// Output: 220 hello <nil>
}
