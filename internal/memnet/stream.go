package memnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

const streamBuffer = 64 << 10

// Conn is one end of a stream connection. It behaves as a [net.TCPConn] does.
type Conn struct {
	in, out       *direction
	local, remote netip.AddrPort
}

var _ net.Conn = (*Conn)(nil)

// Pipe makes a stream connection between two addresses, and returns a's end
// and b's.
func Pipe(a, b netip.AddrPort) (*Conn, *Conn) {
	ab, ba := newDirection(), newDirection()
	return &Conn{in: ba, out: ab, local: a, remote: b}, &Conn{in: ab, out: ba, local: b, remote: a}
}

// Read implements [net.Conn]. It returns [io.EOF] when the other end has closed
// its writing side and all was read.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

// Write implements [net.Conn]. It waits while 64 KiB are unread.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// Close ends both directions. The other end still reads what was written.
func (c *Conn) Close() error {
	first := c.out.closeWrite(net.ErrClosed)
	c.in.closeRead()
	if !first {
		return c.wrap("close", net.ErrClosed)
	}
	return nil
}

// CloseWrite ends the direction to the other end, which then reads [io.EOF].
func (c *Conn) CloseWrite() error {
	c.out.closeWrite(syscall.EPIPE)
	return nil
}

// LocalAddr implements [net.Conn]; it is a [*net.TCPAddr].
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr implements [net.Conn]; it is a [*net.TCPAddr].
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.wrap("set", c.in.setDeadline(&c.in.readBy, t))
}

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.wrap("set", c.out.setDeadline(&c.out.writeBy, t))
}

func (c *Conn) wrap(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// direction is one of the two byte streams of a connection.
type direction struct {
	mu              sync.Mutex // guards all below
	change          *sync.Cond
	data            []byte
	writeErr        error // not nil once the writing side is closed
	closed          bool  // the writing end is closed as a whole
	unread          bool  // the reading side is closed
	readBy, writeBy deadline
}

func newDirection() *direction {
	d := &direction{}
	d.change = sync.NewCond(&d.mu)
	return d
}

func (d *direction) read(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.unread:
			return 0, net.ErrClosed
		case d.readBy.expired():
			return 0, os.ErrDeadlineExceeded
		case len(d.data) > 0:
			n := copy(p, d.data)
			d.data = d.data[n:]
			d.change.Broadcast()
			return n, nil
		case d.writeErr != nil:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		d.change.Wait()
	}
}

func (d *direction) write(p []byte) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.writeErr != nil:
			return n, d.writeErr
		case d.writeBy.expired():
			return n, os.ErrDeadlineExceeded
		case d.unread:
			return n, syscall.EPIPE
		}
		k := min(len(p)-n, streamBuffer-len(d.data))
		d.data = append(d.data, p[n:n+k]...)
		n += k
		d.change.Broadcast()
		if n == len(p) {
			return n, nil
		}
		d.change.Wait()
	}
}

// closeWrite makes writes fail with err, and reports whether that is the first
// time that the whole end is closed.
func (d *direction) closeWrite(err error) (first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first = !d.closed
	d.closed = d.closed || errors.Is(err, net.ErrClosed)
	if d.writeErr == nil || d.closed {
		d.writeErr = err
	}
	d.writeBy.stop()
	d.change.Broadcast()
	return first
}

func (d *direction) closeRead() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unread = true
	d.data = nil
	d.readBy.stop()
	d.change.Broadcast()
}

func (d *direction) setDeadline(which *deadline, at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed && which == &d.writeBy || d.unread && which == &d.readBy {
		return net.ErrClosed
	}
	which.set(at, d.change)
	return nil
}
