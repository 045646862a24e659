// Package netnstest builds small networks out of Linux network namespaces, in
// which a test runs its servers beside real third-party programs without
// touching the machine's own network.
//
//	server, client := netnstest.New(t), netnstest.New(t)
//	netnstest.Veth(t, server, "s0", client, "c0")
//	server.AddAddr("s0", netip.MustParsePrefix("10.0.0.1/24"))
//
//	var conn net.PacketConn
//	err := server.Do(func() (err error) {
//		conn, err = net.ListenPacket("udp4", ":69") // belongs to the namespace for good
//		return err
//	})
//	peer.Start(t, client.Command("udhcpc", "-i", "c0", "-f"), peer.Options{})
//
// It needs root, Linux and the ip program, and skips the test otherwise (or
// fails it, see [peer.Skip]). Namespaces go away at the test's cleanup, with
// the interfaces in them.
package netnstest
