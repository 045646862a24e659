package mythic

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// family keeps all connections of a client to one address family. A token is good for
// the address that it was given to, so a host with both would otherwise log in by one
// and be refused by the other.
type family struct {
	base  dialFunc
	fixed string // by configuration; "" if it is found out

	mu    sync.Mutex
	found string // guarded by mu; "tcp4", "tcp6", or "" before the first connection
}

// dial connects by the family in use. Where that fails, the next connection may be of
// either.
func (f *family) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if f.fixed != "" {
		return f.base(ctx, f.fixed, address)
	}
	pinned := f.get()
	if pinned != "" {
		conn, err := f.base(ctx, pinned, address)
		if err != nil && ctx.Err() == nil {
			f.drop(pinned)
		}
		return conn, err
	}
	conn, err := f.base(ctx, network, address)
	if err != nil {
		return nil, err
	}
	own := familyOf(conn)
	if winner := f.pin(own); winner != own {
		_ = conn.Close() // another connection was first, by the other family
		return f.base(ctx, winner, address)
	}
	return conn, nil
}

func (f *family) get() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.found
}

// pin sets the family unless there is one, and returns the one in use.
func (f *family) pin(own string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if own == "" {
		return own
	}
	if f.found == "" {
		f.found = own
	}
	return f.found
}

func (f *family) drop(old string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.found == old {
		f.found = ""
	}
}

// familyOf is "" for connections that have no IP address.
func familyOf(conn net.Conn) string {
	peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	switch {
	case err != nil:
		return ""
	case peer.Addr().Unmap().Is4():
		return "tcp4"
	}
	return "tcp6"
}
