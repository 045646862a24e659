package boot

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Link is an Ethernet interface.
type Link struct {
	Name    string
	Index   int
	MAC     net.HardwareAddr
	Carrier bool // only known of an interface that is up
}

// Packets is a socket for DHCP on one interface: from port 68, to port 67 of
// everybody.
type Packets interface {
	Send(b []byte) error
	// Receive returns the next datagram, or an error when there is none until the
	// deadline.
	Receive(deadline time.Time) ([]byte, error)
	Close() error
}

// System is what the kernel does for a [Machine].
type System interface {
	// Links are the Ethernet interfaces there are, by index.
	Links() ([]Link, error)
	// Up sets an interface up.
	Up(Link) error
	// SetAddress gives an interface this address and no other. The gateway may
	// be zero.
	SetAddress(l Link, addr netip.Prefix, gateway netip.Addr) error
	// SetHostname names the machine.
	SetHostname(name string) error
	// Listen opens a socket for DHCP.
	Listen(Link) (Packets, error)
	// Dial returns nil if the address accepts a TCP connection.
	Dial(ctx context.Context, addr netip.AddrPort) error
	// Neighbour is the hardware address that answered ARP, or "".
	Neighbour(addr netip.Addr) string
	// Mount mounts the root; Unmount undoes it.
	Mount(Mount) error
	Unmount() error
	// Runnable returns nil if the mounted root has the program.
	Runnable(program string) error
	// WriteFile writes a file below /run, which the system keeps.
	WriteFile(name string, b []byte) error
}
