package snmp_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/mythic-beasts/hostkit/poe/snmp"
)

// A simulated Catalyst of 48 ports, whose rows have gaps, stands for a real switch.
func ExampleDial() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	catalyst := &poetest.Agent{Switch: poetest.New(48), Vendor: poetest.VendorCisco}
	go func() { _ = catalyst.Serve(ctx, conn) }()

	sw, err := snmp.Dial(ctx, snmp.Config{
		Addr:        conn.LocalAddr().String(),
		Credentials: snmp.Credentials{V2c: snmp.V2c{Read: "public", Write: "private"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sw.Close()

	c := &poe.Controller{Switch: sw}
	if _, err := c.Off(ctx, "25", poe.Reason{Who: "ops", Why: "it is taken out"}); err != nil {
		log.Fatal(err)
	}
	p, err := sw.Port(ctx, "25")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: port %s is row %s: %v\n", sw.Info().Vendor, p.Name, p.Index, p.Detection)
	// Output: cisco: port 25 is row 3.29: disabled
}

// Events of a switch, with the names of its ports.
func ExampleListenTraps() {
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	agent := &poetest.Agent{Switch: poetest.New(8), NotifyCommunity: "events"}
	serving, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = agent.Serve(ctx, serving) }()
	sw, err := snmp.Dial(ctx, snmp.Config{
		Addr: serving.LocalAddr().String(), Credentials: snmp.Credentials{V2c: snmp.V2c{Read: "public"}}, Mapper: snmp.ByIfIndex,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := agent.NotifyPort(ctx, conn.LocalAddr().String(), "3"); err != nil {
		log.Fatal(err)
	}
	err = snmp.ListenTraps(ctx, conn, snmp.TrapConfig{
		Communities: []snmp.Secret{"events"},
		Switch:      func(netip.Addr) *snmp.Switch { return sw },
	}, func(e poe.Event) {
		fmt.Println(e.Port, e.Kind)
		cancel()
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 3 power-on
}
