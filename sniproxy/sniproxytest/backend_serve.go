package sniproxytest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// serve accepts until the listener is closed.
func (b *Backend) serve() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		record := &BackendConn{Peer: addrPort(c.RemoteAddr())}
		if h, ok := proxyheader.HeaderOf(c); ok {
			record.Header = h
		}
		if wrapped, ok := c.(*proxyheader.Conn); ok {
			record.Peer = addrPort(wrapped.NetConn().RemoteAddr())
		}
		b.update(func() {
			b.conns = append(b.conns, record)
			b.open[c] = true
			if b.closed {
				_ = c.Close()
			}
		})
		b.tasks.Go(func() { b.handle(c, record) })
	}
}

// handle serves one connection and records how it ended.
func (b *Backend) handle(c net.Conn, record *BackendConn) {
	err := b.answer(c, record)
	_ = c.Close()
	b.update(func() {
		delete(b.open, c)
		record.Err, record.Done = err, true
	})
}

// stream is what all connections here can do.
type stream interface {
	net.Conn
	CloseWrite() error
}

func (b *Backend) answer(c net.Conn, record *BackendConn) error {
	s, ok := c.(stream)
	if !ok {
		return errors.ErrUnsupported
	}
	if b.options.Mode == BackendBlackHole {
		return b.hold(c)
	}
	if b.config != nil {
		secure := tls.Server(c, b.config)
		if err := secure.Handshake(); err != nil {
			return err
		}
		state := secure.ConnectionState()
		b.update(func() { record.ServerName, record.ALPN = state.ServerName, state.NegotiatedProtocol })
		s = secure
	}
	in := &tap{backend: b, record: record, r: s}
	switch b.options.Mode {
	case BackendAfterEOF:
		return afterEOF(s, in)
	case BackendGreets:
		return greet(s, in)
	case BackendResets:
		return b.reset(c, in)
	}
	return echo(s, in)
}

// hold keeps the connection open, unread, until the backend is closed: a read
// would take bytes, so it waits for another change to end it.
func (b *Backend) hold(c net.Conn) error {
	for {
		b.mu.Lock()
		closed, change := b.closed, b.change
		b.mu.Unlock()
		if closed {
			return c.Close()
		}
		<-change
	}
}

func echo(s stream, in io.Reader) error {
	if _, err := io.Copy(struct{ io.Writer }{s}, in); err != nil {
		return err
	}
	return s.CloseWrite()
}

func afterEOF(s stream, in io.Reader) error {
	all, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if _, err := s.Write(all); err != nil {
		return err
	}
	return s.CloseWrite()
}

func greet(s stream, in io.Reader) error {
	if _, err := io.WriteString(s, "ready\r\n"); err != nil {
		return err
	}
	if err := s.CloseWrite(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, in)
	return err
}

// reset closes with unsent data discarded, which sends a RST.
func (b *Backend) reset(c net.Conn, in io.Reader) error {
	if _, err := io.CopyN(io.Discard, in, b.options.After); err != nil {
		return err
	}
	if wrapped, ok := c.(*proxyheader.Conn); ok {
		c = wrapped.NetConn()
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return errors.ErrUnsupported
	}
	if err := tcp.SetLinger(0); err != nil {
		return err
	}
	return tcp.Close()
}

// tap keeps what is read through it.
type tap struct {
	backend *Backend
	record  *BackendConn
	r       io.Reader
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		t.backend.update(func() {
			t.record.Bytes += int64(n)
			room := maxRecorded - len(t.record.Received)
			t.record.Received = append(t.record.Received, p[:min(n, room)]...)
		})
	}
	return n, err
}
