package poetest_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// A program that talks to switches is tested with a simulated one on loopback,
// whose network loses a tenth of all messages.
func ExampleAgent() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	behind := poetest.New(48)
	behind.Plug("7", poetest.Device{Class: 4, Milliwatts: 12300})
	a := &poetest.Agent{Switch: behind, Vendor: poetest.VendorArubaS}
	a.SetFaults(poetest.Faults{LoseRequest: 0.1, Seed: 1})
	go func() { _ = a.Serve(ctx, conn) }()

	sw, err := snmp.Dial(ctx, snmp.Config{
		Addr:        conn.LocalAddr().String(),
		Credentials: snmp.Credentials{V2c: snmp.V2c{Read: "public", Write: "private"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sw.Close()
	if err := sw.SetAdmin(ctx, "8", false); err != nil {
		log.Fatal(err)
	}
	p, err := behind.Port(ctx, "8")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sw.Info().Vendor, p.Admin)
	// Output: aruba-s false
}
