// Package dhcp6 is a DHCPv6 server (RFC 8415) for machines that boot over
// IPv6: UEFI by PXE or HTTP, iPXE, and the Raspberry Pi 4.
//
//	h := &dhcp6.Handler{Inventory: inv}
//	t, err := dhcp6.ListenLinux(dhcp6.LinuxConfig{Match: func(name string) bool { return strings.HasPrefix(name, "eth0.") }})
//	if err != nil {
//		return err
//	}
//	return dhcp6.Serve(ctx, t, h)
//
// Its nouns are [Handler], the pure core that turns a [Packet] into a [Reply],
// and [Transport], which moves them. A machine gets the one address that its
// inventory names, and the boot file URL of RFC 5970 that its firmware wants:
// the server alone for a Pi, the loader for UEFI and iPXE.
//
// Clients ask by DHCPv6 only when a router advertisement tells them to: run
// package ra with Managed and Other beside it.
//
// It has no pools, delegates no prefixes, and does not take unicast from
// clients. Clients are told apart by interface, relay's interface-id and
// hardware address, never by DUID alone: firmware and operating system have
// different ones.
package dhcp6
