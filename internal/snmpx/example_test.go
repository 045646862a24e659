package snmpx_test

import (
	"context"
	"fmt"
	"net"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

func ExampleOID() {
	port := snmpx.MustOID("1.3.6.1.2.1.105.1.1.1").Append(3, 1, 7)
	fmt.Println(port, port.HasPrefix(snmpx.MustOID(".1.3.6.1.2.1.105")))
	// Output: 1.3.6.1.2.1.105.1.1.1.3.1.7 true
}

// A switch with two ports is read, and refuses what makes no sense.
func ExampleClient_Table() {
	port := snmpx.MustOID("1.3.6.1.2.1.105.1.1.1")
	sw := snmptest.NewAgent()
	for p := range uint32(2) {
		sw.Set(port.Append(3, 1, p+1), snmpx.Integer(1))
		sw.Set(port.Append(6, 1, p+1), snmpx.Integer(3))
	}
	sw.Writable(port.Append(3), snmptest.Hook{Check: snmptest.OneOf(1, 2)})
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go sw.Serve(ctx, conn)

	c, err := snmpx.Dial(ctx, snmpx.Config{
		Addr:        conn.LocalAddr().String(),
		Credentials: snmpx.Credentials{V2c: snmpx.V2c{Read: "public", Write: "private"}},
	})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	rows, err := c.Table(ctx, port.Append(3), port.Append(6))
	for _, row := range rows {
		fmt.Println(row.Index, row.Values)
	}
	fmt.Println(err)
	err = c.Set(ctx, snmpx.Var{OID: port.Append(3, 1, 2), Value: snmpx.Integer(7)})
	fmt.Println(err != nil)
	// Output:
	// 1.1 [1 3]
	// 1.2 [1 3]
	// <nil>
	// true
}
