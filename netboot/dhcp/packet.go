package dhcp

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot"
)

// UDP ports of DHCP, and of the PXE boot server discovery that a proxy answers.
const (
	ServerPort = 67
	ClientPort = 68
	PXEPort    = 4011
)

// Packet is one DHCP message and how it came in.
type Packet struct {
	Msg       *dhcpv4.DHCPv4
	Interface string         // name of the interface it came in on
	IfIndex   int            // its index; 0 when it has none
	Local     netip.Addr     // our address there, which replies are sent from
	Addrs     []netip.Prefix // all our addresses there, when there are several
	Src       netip.AddrPort // sender
	Dst       netip.Addr     // address it was sent to; zero when not known
	Port      int            // port it was sent to; 0 means [ServerPort]
	At        time.Time      // when it came in
}

// Action is one thing to do in answer to a packet. Exactly one of Payload,
// Frame and Neighbor is set, or none of them and Event alone.
type Action struct {
	// After is how long after the packet's arrival to act. Zero means at once.
	After time.Duration
	// Valid is asked right before a delayed action; false drops it. Nil means
	// always.
	Valid func() bool
	// Commit is the journal record that has to be on the disk before the
	// action is done; see [Leases.Sync]. Zero means none.
	Commit Commit

	// Payload is a DHCP reply as it goes on the wire, and Reply the same for
	// reading. To is where it goes.
	Payload []byte
	Reply   *dhcpv4.DHCPv4
	To      Dest

	// Frame is an Ethernet frame to send as it is; a zero source address is
	// filled in with the interface's.
	Frame []byte
	// Neighbor changes the interface's neighbour table.
	Neighbor *Neighbor
	// Event is told to the observer once the action is done, with the time of
	// that.
	Event *netboot.Event

	timer place // of delayed actions: a new set replaces the pending one
}

// place is an address on an interface. The same address may be in use on many
// private VLANs.
type place struct {
	iface string
	addr  netip.Addr
}

// DestKind says how a reply travels.
type DestKind uint8

// The ways of a reply, RFC 2131 section 4.1.
const (
	Broadcast DestKind = iota // to 255.255.255.255 on the interface
	Direct                    // in a frame to To.MAC, without asking ARP
	Routed                    // as any other UDP datagram
)

// String returns the kind in one word.
func (k DestKind) String() string {
	switch k {
	case Broadcast:
		return "broadcast"
	case Direct:
		return "direct"
	case Routed:
		return "routed"
	}
	return "unknown"
}

// Dest is where a reply goes.
type Dest struct {
	Kind DestKind
	Addr netip.AddrPort   // destination in the IP and UDP headers
	MAC  net.HardwareAddr // of the client, for Direct
	From netip.AddrPort   // source in the IP and UDP headers
	Peer netip.AddrPort   // who sent the packet, for a transport without broadcast
}

// Neighbor is an entry of the neighbour (ARP) table.
type Neighbor struct {
	Addr netip.Addr
	MAC  net.HardwareAddr
	// Release gives the entry back to ARP: the kernel may use it, and checks
	// it before it trusts it again. False makes it reachable now, whatever
	// state it was in.
	Release bool
}
