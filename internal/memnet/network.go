package memnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Network joins everything that listens on it and dials through it. The zero
// value is a perfect network. Set the fields before first use.
type Network struct {
	// Drop reports whether a packet gets lost. Nil loses none. It is called in
	// the order in which packets are sent, one at a time, so it may count.
	// Streams do not ask it.
	Drop func(Packet) bool
	// Delay is how long a packet travels. Nil means no time at all. Packets
	// with different delays overtake each other.
	Delay func(Packet) time.Duration
	// Queue is how many packets a socket holds unread before it drops more.
	// Zero means 256.
	Queue int

	mu        sync.Mutex // guards all below
	listeners map[netip.AddrPort]*listener
	sockets   map[netip.AddrPort]*packetConn
	lastPort  uint16

	policy sync.Mutex // held over calls of Drop and Delay
}

// Packet is one datagram on its way. Data must not be changed or kept.
type Packet struct {
	From, To netip.AddrPort
	Data     []byte
}

// Listen listens for streams. Port 0 picks a free one.
func (n *Network) Listen(addr netip.AddrPort) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr = n.pickPort(addr)
	if n.listeners[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(addr), Err: syscall.EADDRINUSE}
	}
	l := &listener{network: n, addr: addr}
	l.change = sync.NewCond(&l.mu)
	if n.listeners == nil {
		n.listeners = make(map[netip.AddrPort]*listener)
	}
	n.listeners[addr] = l
	return l, nil
}

// ListenPacket opens a packet socket. Port 0 picks a free one.
func (n *Network) ListenPacket(addr netip.AddrPort) (net.PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr = n.pickPort(addr)
	if n.sockets[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(addr), Err: syscall.EADDRINUSE}
	}
	c := newPacketConn(n, addr)
	if n.sockets == nil {
		n.sockets = make(map[netip.AddrPort]*packetConn)
	}
	n.sockets[addr] = c
	return c, nil
}

// Dial connects from one address to a listener at another. From's port 0 picks
// a free one. Nobody listening is [syscall.ECONNREFUSED] at once.
func (n *Network) Dial(ctx context.Context, from, to netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, n.dialError(to, err)
	}
	n.mu.Lock()
	from = n.pickPort(from)
	l := n.listeners[to]
	n.mu.Unlock()
	if l != nil {
		if conn := l.connect(from); conn != nil {
			return conn, nil
		}
	}
	return nil, n.dialError(to, syscall.ECONNREFUSED)
}

// DialContext dials as [net.Dialer.DialContext] does, from loopback, to an
// address that is a literal IP address and port. The network must be tcp.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, n.dialError(to, err)
	}
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, n.dialError(to, errors.Join(net.UnknownNetworkError(network), errors.ErrUnsupported))
	}
	from := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if to.Addr().Is6() {
		from = netip.IPv6Loopback()
	}
	return n.Dial(ctx, netip.AddrPortFrom(from, 0), to)
}

func (n *Network) dialError(to netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
}

// pickPort replaces port 0 by one that nobody listens on. Call it under mu.
func (n *Network) pickPort(addr netip.AddrPort) netip.AddrPort {
	const firstEphemeral = 49152 // RFC 6335 section 6
	for addr.Port() == 0 {
		n.lastPort = max(n.lastPort+1, firstEphemeral)
		try := netip.AddrPortFrom(addr.Addr(), n.lastPort)
		if n.listeners[try] == nil && n.sockets[try] == nil {
			addr = try
		}
	}
	return addr
}

// forget frees an address, if it is still owner's.
func (n *Network) forget(addr netip.AddrPort, owner any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch owner := owner.(type) {
	case *listener:
		if n.listeners[addr] == owner {
			delete(n.listeners, addr)
		}
	case *packetConn:
		if n.sockets[addr] == owner {
			delete(n.sockets, addr)
		}
	}
}

// send puts a packet on its way. The packet's data is the network's own.
func (n *Network) send(p Packet) {
	lost, delay := n.fate(p)
	switch {
	case lost:
	case delay > 0:
		time.AfterFunc(delay, func() { n.deliver(p) })
	default:
		n.deliver(p)
	}
}

func (n *Network) fate(p Packet) (lost bool, delay time.Duration) {
	n.policy.Lock()
	defer n.policy.Unlock()
	if n.Drop != nil && n.Drop(p) {
		return true, 0
	}
	if n.Delay != nil {
		delay = n.Delay(p)
	}
	return false, delay
}

func (n *Network) deliver(p Packet) {
	n.mu.Lock()
	c := n.sockets[p.To]
	n.mu.Unlock()
	if c != nil {
		c.push(p)
	}
}
