package dnssectest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Handler answers one message of a client that came by "udp" or "tcp": with none,
// one or several.
type Handler func(network string, packet []byte) [][]byte

// Network is DNS servers without sockets. Nothing is lost, and nobody waits but for
// answers that do not come, so that it works in a testing/synctest bubble. The
// zero value is empty; an address that nobody has refuses connections.
type Network struct {
	mu       sync.Mutex // guards handlers
	handlers map[netip.AddrPort]Handler
}

// Handle puts a server at an address.
func (n *Network) Handle(addr netip.AddrPort, h Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.handlers == nil {
		n.handlers = make(map[netip.AddrPort]Handler)
	}
	n.handlers[addr] = h
}

// Dial connects to a server, as net.Dialer.DialContext does.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	h := n.handlers[addr]
	n.mu.Unlock()
	if h == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: netAddr{network, addr}, Err: errors.New("connection refused")}
	}
	c := &conn{network: network, addr: addr, answer: h, changed: make(chan struct{})}
	return c, ctx.Err()
}

// conn is the client's end. What is written is answered at once.
type conn struct {
	network string
	addr    netip.AddrPort
	answer  Handler

	mu       sync.Mutex // guards what is below
	sent     []byte     // by tcp, not a whole message yet
	received [][]byte
	deadline time.Time
	closed   bool
	changed  chan struct{} // closed and made anew when something changed
}

func (c *conn) Write(p []byte) (int, error) {
	messages := [][]byte{p}
	if c.network == "tcp" {
		messages = c.whole(p)
	}
	for _, m := range messages {
		answers := c.answer(c.network, m)
		c.change(func() {
			for _, a := range answers {
				if c.network == "tcp" {
					a = append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)
				}
				c.received = append(c.received, a)
			}
		})
	}
	return len(p), nil
}

// whole takes messages off the stream.
func (c *conn) whole(p []byte) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, p...)
	var messages [][]byte
	for len(c.sent) >= 2 {
		n := 2 + int(binary.BigEndian.Uint16(c.sent))
		if len(c.sent) < n {
			break
		}
		messages = append(messages, c.sent[2:n:n])
		c.sent = c.sent[n:]
	}
	return messages
}

func (c *conn) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		received, deadline, closed, changed := c.received, c.deadline, c.closed, c.changed
		if len(received) > 0 {
			n := copy(p, received[0])
			if c.received[0] = received[0][n:]; len(c.received[0]) == 0 || c.network == "udp" {
				c.received = received[1:]
			}
			c.mu.Unlock()
			return n, nil
		}
		c.mu.Unlock()
		if closed {
			return 0, io.ErrClosedPipe
		}
		var timeout <-chan time.Time
		if !deadline.IsZero() {
			timer := time.NewTimer(time.Until(deadline))
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-timeout:
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// change does something, and wakes who reads.
func (c *conn) change(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *conn) Close() error {
	c.change(func() { c.closed = true })
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.change(func() { c.deadline = t })
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

func (c *conn) SetWriteDeadline(time.Time) error { return nil }

func (c *conn) LocalAddr() net.Addr { return netAddr{c.network, netip.AddrPort{}} }

func (c *conn) RemoteAddr() net.Addr { return netAddr{c.network, c.addr} }

// netAddr is an address of a network.
type netAddr struct {
	network string
	addr    netip.AddrPort
}

func (a netAddr) Network() string { return a.network }

func (a netAddr) String() string { return a.addr.String() }
