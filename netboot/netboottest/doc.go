// Package netboottest tests network boot servers: it emulates the machines that
// boot from them, on the wire.
//
//	link := netboottest.NewUDPLink(netboottest.UDPLinkConfig{DHCP: dhcpAddr, TFTP: tftpAddr})
//	defer link.Close()
//	boot, err := netboottest.Pi{Link: link, Model: rpi.Model3B, RxBug: true}.Run(ctx)
//	if err != nil {
//		t.Fatal(err) // errors.Is(err, netboottest.ErrGaveUp), ErrStalled, …
//	}
//	fmt.Println(boot.Kernel, boot.Took)
//
// Its nouns:
//
//   - [Pi] is a Raspberry Pi 3B, 3B+, 4 or 5 from power-on to kernel, with the
//     known flaws of its firmware as fields. [Pi.Run] returns a [Boot].
//   - [Link] carries its frames: [ListenPacket] on a real network interface,
//     [UDPLink] to servers on loopback without privilege, [Pipe] in memory.
//     [LossyLink] makes any of them worse.
//   - [BootTree] is a set of files to serve, [Inventory] a look-up with faults.
//
// An emulated machine brings its own Ethernet, ARP, IP and UDP, so that the
// kernel of the host that it runs on cannot help. It takes its time from
// package time: with [Pipe] it runs under [testing/synctest].
//
// # What it is not
//
// It emulates what boot firmware is documented and was seen to do on the
// network. It runs no firmware, and proves nothing about a board whose behaviour
// nobody has described.
package netboottest
