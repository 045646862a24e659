package tftp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// sharedConn serves every transfer through the one PacketConn that requests
// come in on: for connections that are no UDP socket, in tests above all.
type sharedConn struct {
	conn net.PacketConn

	mu    sync.Mutex // guards links
	links map[netip.AddrPort]*sharedLink
}

func newSharedConn(conn net.PacketConn) *sharedConn {
	return &sharedConn{conn: conn, links: make(map[netip.AddrPort]*sharedLink)}
}

// read returns requests, and packets of nobody we know. What belongs to a
// transfer goes there.
func (c *sharedConn) read(p []byte) (int, arrival, error) {
	for {
		n, from, err := c.conn.ReadFrom(p)
		if err != nil {
			return 0, arrival{}, err
		}
		peer, err := netip.ParseAddrPort(from.String())
		if err != nil {
			continue // not a network with ports
		}
		if isRequest(p[:n]) || !c.deliver(peer, p[:n]) {
			return n, arrival{peer: peer}, nil
		}
	}
}

func isRequest(p []byte) bool {
	return len(p) >= 2 && p[0] == 0 && (p[1] == opRRQ || p[1] == opWRQ)
}

func (c *sharedConn) deliver(peer netip.AddrPort, p []byte) bool {
	c.mu.Lock()
	l := c.links[peer]
	c.mu.Unlock()
	if l == nil {
		return false
	}
	select {
	case l.in <- append([]byte(nil), p...):
	default: // it is not keeping up: lost, as on the wire
	}
	return true
}

func (c *sharedConn) reply(p []byte, a arrival) error {
	_, err := c.conn.WriteTo(p, net.UDPAddrFromAddrPort(a.peer))
	return err
}

func (c *sharedConn) open(_ context.Context, a arrival) (link, error) {
	l := &sharedLink{
		conn: c, peer: a.peer, addr: net.UDPAddrFromAddrPort(a.peer),
		in: make(chan []byte, 16), done: make(chan struct{}),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.links[a.peer] = l // a transfer that was there is being replaced
	return l, nil
}

// sharedLink is one transfer's part of a sharedConn.
type sharedLink struct {
	conn *sharedConn
	peer netip.AddrPort
	addr net.Addr
	in   chan []byte
	once sync.Once
	done chan struct{}
}

func (l *sharedLink) send(b *batch) error {
	var packet []byte
	for i := range b.ends {
		packet = packet[:0]
		for _, part := range b.packet(i) {
			packet = append(packet, part...)
		}
		if _, err := l.conn.conn.WriteTo(packet, l.addr); errors.Is(err, net.ErrClosed) {
			return net.ErrClosed
		}
	}
	return nil
}

func (l *sharedLink) recv(p []byte, deadline time.Time) (int, error) {
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case q := <-l.in:
		return copy(p, q), nil
	case <-timeout.C:
		return 0, os.ErrDeadlineExceeded
	case <-l.done:
		return 0, net.ErrClosed
	}
}

func (l *sharedLink) close() error {
	l.once.Do(func() {
		close(l.done)
		l.conn.mu.Lock()
		defer l.conn.mu.Unlock()
		if l.conn.links[l.peer] == l {
			delete(l.conn.links, l.peer)
		}
	})
	return nil
}
