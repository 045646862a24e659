package netboottest_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"sync"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// A Pi 4 boots from real servers on loopback, without any privilege.
func Example() {
	inv := netboottest.OneMachine(netboot.Machine{
		Name:  "pi17",
		Addr:  netip.MustParsePrefix("127.80.0.66/30"),
		Files: netboottest.BootTree(rpi.Model4, 1<<20),
	})
	transport, err := dhcp.ListenUDP("eth0.17", netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		log.Fatal(err)
	}
	defer transport.Close()
	files, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var servers sync.WaitGroup
	servers.Go(func() { _ = dhcp.Serve(ctx, transport, &dhcp.Handler{Inventory: inv}) })
	servers.Go(func() { _ = (&tftp.Server{Handler: tftp.FSHandler(inv)}).Serve(ctx, files) })

	link := netboottest.NewUDPLink(netboottest.UDPLinkConfig{
		DHCP: transport.Addr(),
		TFTP: files.LocalAddr().(*net.UDPAddr).AddrPort(),
	})
	boot, err := netboottest.Pi{Link: link, Model: rpi.Model4, OS: true}.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("kernel:", boot.Kernel)
	fmt.Println("its system's address:", boot.OSAddr)

	link.Close()
	stop()
	servers.Wait()
	// Output:
	// kernel: 10203040/kernel8.img
	// its system's address: 127.80.0.66
}
