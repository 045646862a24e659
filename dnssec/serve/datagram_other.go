//go:build !linux

package serve

import "net"

// destinations does nothing: answers leave from the address of the route.
func destinations(net.PacketConn) {}
