package httpboot

import (
	"net"
	"net/netip"
	"sync"
)

const (
	maxPerAddr = 32
	maxConns   = 4096
)

// limited is a listener that closes at once the connections of an address that
// has too many, so that one machine cannot use up the file descriptors of all.
type limited struct {
	net.Listener
	perAddr, total int

	mu   sync.Mutex // guards the two below
	open int
	from map[netip.Addr]int
}

func newLimited(l net.Listener, perAddr, total int) *limited {
	return &limited{Listener: l, perAddr: perAddr, total: total, from: make(map[netip.Addr]int)}
}

// Accept returns the next connection that is within the limits.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who := source(c)
		if !l.add(who) {
			c.Close()
			continue
		}
		return &limitedConn{Conn: c, release: sync.OnceFunc(func() { l.remove(who) })}, nil
	}
}

// source is whom a connection counts for. An IPv6 host has its whole /64.
func source(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	a := ap.Addr().Unmap()
	if a.Is4() || a.IsLinkLocalUnicast() {
		return a
	}
	p, _ := a.WithZone("").Prefix(64) // 64 bits are within any IPv6 address
	return p.Addr()
}

func (l *limited) add(who netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.total || l.from[who] >= l.perAddr {
		return false
	}
	l.open++
	l.from[who]++
	return true
}

func (l *limited) remove(who netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.from[who]--; l.from[who] == 0 {
		delete(l.from, who)
	}
}

// limitedConn is a connection that counts until it is closed.
type limitedConn struct {
	net.Conn
	release func()
}

// Close closes the connection.
func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// NetConn returns the connection itself, as tls.Conn's does.
func (c *limitedConn) NetConn() net.Conn { return c.Conn }
