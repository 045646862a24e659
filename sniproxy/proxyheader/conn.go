package proxyheader

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// Conn is a connection whose PROXY header was read. Its addresses are those of
// the header, or the connection's own where the header names none.
type Conn struct {
	net.Conn
	header        Header
	remote, local net.Addr

	mu   sync.Mutex // guards rest
	rest []byte     // came together with the header
}

// Header returns the header. Its slices must not be changed.
func (c *Conn) Header() Header { return c.header }

// RemoteAddr returns the client's address. It never blocks.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr returns the address that the client connected to, at the proxy. It
// never blocks.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// NetConn returns the connection from the proxy. Bytes that came together with
// the header are not in it.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// Read implements [net.Conn]. It begins behind the header.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if len(c.rest) == 0 {
		c.mu.Unlock()
		return c.Conn.Read(p)
	}
	defer c.mu.Unlock()
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// WriteTo implements [io.WriterTo], so that [io.Copy] from the connection moves
// bytes within the kernel where the connection from the proxy can.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	c.mu.Lock()
	rest := c.rest
	c.rest = nil
	c.mu.Unlock()
	var sent int64
	if len(rest) > 0 {
		n, err := w.Write(rest)
		sent = int64(n)
		if err == nil && n < len(rest) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return sent, err
		}
	}
	if other, ok := w.(*Conn); ok {
		w = other.Conn
	}
	n, err := io.Copy(w, c.Conn)
	return sent + n, err
}

// ReadFrom implements [io.ReaderFrom], for [io.Copy] to the connection.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite ends the direction to the client, who still may send. It returns
// [errors.ErrUnsupported] when the connection from the proxy cannot.
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("proxyheader: close the writing side of a %T: %w", c.Conn, errors.ErrUnsupported)
	}
	return half.CloseWrite()
}

// HeaderOf returns the header that the connection began with. It looks through
// wrappers that have a NetConn method, as [crypto/tls.Conn] has, so that it
// works in the ConnContext of a net/http server. It returns false for a
// connection without one, as from [Listener.Direct].
func HeaderOf(c net.Conn) (Header, bool) {
	for {
		switch t := c.(type) {
		case *Conn:
			return t.header, true
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		default:
			return Header{}, false
		}
	}
}
