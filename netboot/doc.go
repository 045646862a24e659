// Package netboot is the pure part of a network boot server: who is asking,
// which machine that is, what it may read, and how its boot goes.
//
//	inv, err := netboot.NewStatic(netboot.Reservation{
//		Interface: "eth0.17", // the VLAN that this Pi is alone on
//		Machine:   netboot.Machine{Name: "pi17", Addr: netip.MustParsePrefix("10.80.0.66/30"), Files: files},
//	})
//	c := netboot.Identify(discover, netboot.Received{Interface: "eth0.17"})
//	m, err := inv.Lookup(ctx, c)
//
// Its nouns:
//
//   - [Client] is everything learnt from one DHCP packet: address, firmware,
//     Raspberry Pi identity, relay.
//   - [Machine] is one bootable computer: its address, what to boot and its
//     own read-only view of files. [Inventory] finds it.
//   - [Event] is one step of a boot; [Tracker] follows each machine's and says
//     when it stalled or gave up, with a [Diagnosis].
//
// The servers that act on it are in the folders below: dhcp, tftp, httpboot,
// ra. None of them is imported here, and this package opens no socket.
package netboot
