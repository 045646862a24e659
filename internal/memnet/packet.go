package memnet

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Limits of a packet socket.
const (
	defaultQueue = 256
	maxDatagram  = 65507 // what UDP over IPv4 can carry
)

type packetConn struct {
	network *Network
	addr    netip.AddrPort

	mu      sync.Mutex // guards all below
	change  *sync.Cond
	queue   []Packet
	closed  bool
	readBy  deadline
	writeBy deadline
}

func newPacketConn(n *Network, addr netip.AddrPort) *packetConn {
	c := &packetConn{network: n, addr: addr}
	c.change = sync.NewCond(&c.mu)
	return c
}

// ReadFrom implements [net.PacketConn]. What does not fit into p is lost.
func (c *packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, nil, c.wrap("read", net.ErrClosed)
		case c.readBy.expired():
			return 0, nil, c.wrap("read", os.ErrDeadlineExceeded)
		case len(c.queue) > 0:
			packet := c.queue[0]
			c.queue = c.queue[1:]
			return copy(p, packet.Data), net.UDPAddrFromAddrPort(packet.From), nil
		}
		c.change.Wait()
	}
}

// WriteTo implements [net.PacketConn]. It never waits. A packet to an address
// that nobody has is lost without an error.
func (c *packetConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, c.wrap("write", net.InvalidAddrError("memnet: not a *net.UDPAddr: "+addr.String()))
	}
	if err := c.writable(len(p)); err != nil {
		return 0, c.wrap("write", err)
	}
	to := udp.AddrPort()
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	c.network.send(Packet{From: c.addr, To: to, Data: slices.Clone(p)})
	return len(p), nil
}

func (c *packetConn) writable(size int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return net.ErrClosed
	case c.writeBy.expired():
		return os.ErrDeadlineExceeded
	case size > maxDatagram:
		return syscall.EMSGSIZE
	}
	return nil
}

// Close implements [net.PacketConn].
func (c *packetConn) Close() error {
	c.network.forget(c.addr, c)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.wrap("close", net.ErrClosed)
	}
	c.closed = true
	c.queue = nil
	c.readBy.stop()
	c.writeBy.stop()
	c.change.Broadcast()
	return nil
}

// LocalAddr implements [net.PacketConn]; it is a [*net.UDPAddr].
func (c *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.addr) }

// SetDeadline implements [net.PacketConn].
func (c *packetConn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy, &c.writeBy) }

// SetReadDeadline implements [net.PacketConn].
func (c *packetConn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy) }

// SetWriteDeadline implements [net.PacketConn].
func (c *packetConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeBy) }

func (c *packetConn) setDeadlines(t time.Time, which ...*deadline) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.wrap("set", net.ErrClosed)
	}
	for _, d := range which {
		d.set(t, c.change)
	}
	return nil
}

func (c *packetConn) push(p Packet) {
	limit := c.network.Queue
	if limit == 0 {
		limit = defaultQueue
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.queue) >= limit {
		return
	}
	c.queue = append(c.queue, p)
	c.change.Broadcast()
}

func (c *packetConn) wrap(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Err: err}
}
