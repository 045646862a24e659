package snmptest_test

import (
	"context"
	"fmt"
	"net"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// A switch with one port, which nobody may set to anything but 1 and 2.
func ExampleAgent() {
	sw := snmptest.NewAgent()
	admin := snmpx.MustOID("1.3.6.1.2.1.105.1.1.1.3.1.7")
	sw.Set(admin, snmpx.Integer(1))
	sw.Writable(admin, snmptest.Hook{Check: snmptest.OneOf(1, 2)})

	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop() // here a client would use it
	fmt.Println(sw.Serve(ctx, conn), sw.Get(admin))
	// Output: <nil> 1
}
