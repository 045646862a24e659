package memnet

import (
	"net"
	"net/netip"
	"sync"
)

// backlogLimit is how many connections wait to be accepted before more are
// refused.
const backlogLimit = 128

type listener struct {
	network *Network
	addr    netip.AddrPort

	mu      sync.Mutex // guards backlog and closed
	change  *sync.Cond
	backlog []*Conn
	closed  bool
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.backlog) == 0 {
		if l.closed {
			return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
		}
		l.change.Wait()
	}
	conn := l.backlog[0]
	l.backlog = l.backlog[1:]
	return conn, nil
}

// Close implements [net.Listener]. Connections that nobody accepted are closed.
func (l *listener) Close() error {
	l.network.forget(l.addr, l)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return &net.OpError{Op: "close", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
	l.closed = true
	for _, conn := range l.backlog {
		conn.Close()
	}
	l.backlog = nil
	l.change.Broadcast()
	return nil
}

// Addr implements [net.Listener]; it is a [*net.TCPAddr].
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// connect makes a connection from an address, or returns nil when it is refused.
func (l *listener) connect(from netip.AddrPort) *Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.backlog) == backlogLimit {
		return nil
	}
	near, far := Pipe(from, l.addr)
	l.backlog = append(l.backlog, far)
	l.change.Broadcast()
	return near
}
