package dhcp_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

// What a Pi 3B on a VLAN of its own is sent: an OFFER at once, and two frames
// that make its mask ROM look at it.
func ExampleHandler_Handle() {
	inv, err := netboot.NewStatic(netboot.Reservation{
		Interface: "eth0.17",
		Machine:   netboot.Machine{Name: "pi17", Addr: netip.MustParsePrefix("10.80.0.66/30")},
	})
	if err != nil {
		panic(err)
	}
	h := &dhcp.Handler{Inventory: inv, NoPin: true}

	discover, err := dhcpv4.NewDiscovery(net.HardwareAddr{0xb8, 0x27, 0xeb, 0x64, 0x24, 0x7d},
		dhcpv4.WithTransactionID(dhcpv4.TransactionID{0x26, 0xf3, 0x03, 0x39}), // every mask ROM's
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00000:UNDI:002001")),
		dhcpv4.WithGeneric(dhcpv4.OptionClientMachineIdentifier, append([]byte{0}, "DDDDDDDDDDDDDDDD"...)))
	if err != nil {
		panic(err)
	}
	for _, a := range h.Handle(context.Background(), dhcp.Packet{
		Msg: discover, Interface: "eth0.17", Local: netip.MustParseAddr("10.80.0.65"),
	}) {
		switch {
		case a.Reply != nil:
			fmt.Println(a.Reply.MessageType(), a.Reply.YourIPAddr, "by", a.To.Kind, "from", a.To.From)
		case a.Frame != nil:
			fmt.Println("frame after", a.After)
		default:
			fmt.Println(a.Event.Kind, a.Event.Machine)
		}
	}
	// Output:
	// discovered pi17
	// OFFER 10.80.0.66 by direct from 10.80.0.65:67
	// frame after 600ms
	// frame after 1.2s
}
