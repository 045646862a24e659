// Package dhcp is a DHCPv4 server for machines that boot from the network:
// Raspberry Pis first, and PXE, UEFI, iPXE, U-Boot and operating systems.
//
//	h := &dhcp.Handler{Inventory: inv}
//	t, err := dhcp.ListenLinux(dhcp.LinuxConfig{Match: func(name string) bool { return strings.HasPrefix(name, "eth0.") }})
//	if err != nil {
//		return err
//	}
//	return dhcp.Serve(ctx, t, h)
//
// Its nouns:
//
//   - [Handler] is the pure core: a [Packet] in, [Action]s out, which say what
//     to send, where and when. It opens no socket and reads no clock.
//   - [Transport] moves packets. [ListenLinux] serves many interfaces, which
//     may come and go, and answers clients that have no address yet by a
//     unicast frame without asking ARP; [ListenUDP] is one plain socket, needs
//     no privilege and works everywhere.
//   - [Serve] joins the two: a bounded number of workers, the delayed actions,
//     and acknowledgements held back until the journal is on the disk.
//   - [Leases] hands out the addresses of pools, and remembers them in a
//     journal that survives a crash at any point.
//
// # Who gets an answer
//
// Only clients that the inventory knows. The address is the machine's own or
// one of its pool's, found by the client's hardware address; the client
// identifier (option 61) is echoed and never used to tell clients apart,
// because a boot ROM and the operating system it loads send different ones.
// An OFFER is good at once and stays the same, because a Pi up to the 3B+ uses
// it without ever sending a REQUEST.
//
// # The Pi cures
//
// The mask ROM of the 3B leaves a good OFFER lying until another frame comes
// in, and gives up where none does, as on a VLAN of its own. The handler sends
// it two wake-up frames. The same ROM stops answering ARP while it reads files,
// and a kernel that asks then stops the transfer; the handler pins the
// neighbour entry for as long as the firmware runs. Both can be switched off.
//
// # What it does not do
//
// It does not ping an address before it offers it, does not answer BOOTP
// clients that send no message type, does not do failover between two servers,
// and believes no relay agent that [Handler.Relays] does not name.
package dhcp
