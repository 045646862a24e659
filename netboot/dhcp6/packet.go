package dhcp6

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// Ports of RFC 8415 section 7.2.
const (
	ClientPort = 546
	ServerPort = 547
)

// Packet is a message and how it came in.
type Packet struct {
	Msg       dhcpv6.DHCPv6 // a client's message, or a relay's around one
	Interface string
	IfIndex   int
	MAC       net.HardwareAddr // our own on that interface
	Addrs     []netip.Prefix   // our IPv6 addresses on that interface
	Src       netip.AddrPort
	Multicast bool // it was sent to a multicast address, as a client's must be
	At        time.Time
}

// Reply is what to send, and where to.
type Reply struct {
	Msg dhcpv6.DHCPv6
	To  netip.AddrPort
}

// Transport moves packets.
type Transport interface {
	// Recv waits for a packet. It returns an error when ctx ends, or
	// net.ErrClosed when the transport is closed.
	Recv(ctx context.Context) (Packet, error)
	// Send sends r out of the interface that its question came in on.
	Send(ctx context.Context, ifindex int, r Reply) error
	// Close ends the transport and whatever it started.
	Close() error
}
