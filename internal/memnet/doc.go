// Package memnet is a network in memory for tests under [testing/synctest].
//
//	synctest.Test(t, func(t *testing.T) {
//		var n memnet.Network
//		ln, err := n.Listen(netip.MustParseAddrPort("192.0.2.1:443"))
//		go server.Serve(ctx, ln)
//		conn, err := n.DialContext(ctx, "tcp", "192.0.2.1:443")
//		…
//	})
//
// Goroutines that wait for a real socket never block durably, so the bubble's
// clock stands still for them. Here all waiting is on condition variables, and
// an hour's timeout takes no time.
//
// [Network] has stream connections and packet sockets; those lose, delay and
// reorder packets where the test asks for it. [Pipe] is one stream connection
// by itself. Streams hold 64 KiB on the way like a socket does, and unlike
// [net.Pipe] they can be closed in one direction.
package memnet
