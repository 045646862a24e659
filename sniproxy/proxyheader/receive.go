package proxyheader

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"time"
)

// receive has the header read as soon as there is a slot for the connection.
func (l *Listener) receive(conn net.Conn) bool {
	if !l.slot() {
		_ = conn.Close()
		return false
	}
	p := &pending{conn: conn, since: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		_ = conn.Close()
		return false
	}
	l.waiting.push(p)
	l.tasks.Go(func() { l.read(p) })
	return true
}

// slot takes a slot, if need be that of the connection that waits longest. That
// one has a moment first, so that a burst of proxies' connections, whose headers
// are there and only not read yet, is slowed down rather than cut.
func (l *Listener) slot() bool {
	for {
		select {
		case l.slots <- struct{}{}:
			return true
		default:
		}
		var again <-chan time.Time
		if wait, any := l.evict(); any {
			again = time.After(wait)
		}
		select {
		case l.slots <- struct{}{}:
			return true
		case <-again:
		case <-l.done:
			return false
		}
	}
}

// evict closes the connection that waits longest, whose reader then gives the
// slot back. It returns when to try again, and whether any was waiting: all
// others wait for Accept.
func (l *Listener) evict() (wait time.Duration, any bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.waiting.oldest()
	if oldest == nil {
		return 0, false
	}
	if wait = grace - time.Since(oldest.since); wait > 0 {
		return wait, true
	}
	l.waiting.remove(oldest)
	_ = oldest.conn.Close()
	return grace, true
}

// read reads the header of one connection and hands the connection on.
func (l *Listener) read(p *pending) {
	defer func() { <-l.slots }()
	conn, err := l.header(p.conn)
	l.mu.Lock()
	kept, stopped := l.waiting.remove(p), l.stopped
	l.mu.Unlock()
	switch {
	case stopped:
		_ = p.conn.Close()
	case !kept:
		l.refuse(p.conn, ErrCrowded)
	case err != nil:
		l.refuse(p.conn, err)
	default:
		l.hand(conn, nil)
	}
}

// header reads up to the end of the header.
func (l *Listener) header(raw net.Conn) (*Conn, error) {
	timeout := cmp.Or(l.Timeout, defaultTimeout)
	if err := raw.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, fmt.Errorf("proxyheader: read header: %w", err)
	}
	buf := make([]byte, 0, 256)
	for {
		n, readErr := raw.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		h, size, err := Decode(buf, l.Options)
		if err == nil {
			return l.conn(raw, h, buf[size:])
		}
		if !errors.Is(err, ErrShort) {
			return nil, err
		}
		if readErr != nil {
			return nil, cut(readErr, len(buf), timeout)
		}
		if size > cap(buf) {
			buf = append(make([]byte, 0, size), buf...)
		}
	}
}

// cut is the error for a connection that ended, or took too long, before its
// header was whole.
func cut(err error, got int, timeout time.Duration) error {
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return fmt.Errorf("%w: %d bytes after %v", ErrTimeout, got, timeout)
	}
	return fmt.Errorf("%w: the peer ended after %d bytes: %w", ErrShort, got, err)
}

// conn makes the connection that Accept returns.
func (l *Listener) conn(raw net.Conn, h Header, rest []byte) (*Conn, error) {
	if err := raw.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("proxyheader: read header: %w", err)
	}
	c := &Conn{Conn: raw, header: h, rest: rest, remote: raw.RemoteAddr(), local: raw.LocalAddr()}
	switch {
	case h.Command == Local:
	case h.Known() && !h.Datagram:
		c.remote = net.TCPAddrFromAddrPort(h.Source)
		c.local = net.TCPAddrFromAddrPort(h.Destination)
	case !l.AllowUnknown:
		return nil, ErrUnknown
	}
	return c, nil
}
