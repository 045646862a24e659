package backend

import (
	"context"
	"net/netip"
	"time"
)

// Lookup finds the servers of the client's name, or of Host, by AAAA records. Cache
// and Guard are required.
type Lookup struct {
	Cache *Cache
	Guard *Guard
	// Host is looked up in place of the client's name; empty means the client's.
	Host string
	// Port is the port of the servers; zero means the one that the client
	// connected to.
	Port uint16
}

// Ready appends the servers to dst when they are cached, without a goroutine and
// without allocating if dst has room. ready is false when the name is not cached:
// then Resolve is needed. With ready true and an error the answer is known to be
// none.
func (l *Lookup) Ready(dst []netip.AddrPort, q Query) (addrs []netip.AddrPort, ready bool, err error) {
	return dst, false, errNotBuilt
}

// Resolve is Ready, and looks the name up when that is needed, until ctx ends.
func (l *Lookup) Resolve(ctx context.Context, dst []netip.AddrPort, q Query) ([]netip.AddrPort, error) {
	return dst, errNotBuilt
}

// Report tells how an attempt to connect ended: servers that answered lately are
// tried first, those that failed lately last.
func (l *Lookup) Report(addr netip.AddrPort, err error, took time.Duration) {}

// Closed does nothing: a Lookup does not count connections.
func (l *Lookup) Closed(netip.AddrPort) {}

// Resolver looks up the AAAA records of a name. ttl is how long the answer, or that
// there is none, may be kept. That the name or the record does not exist is a
// *[LookupError] that is fs.ErrNotExist.
type Resolver interface {
	LookupAAAA(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error)
}

// Cache keeps answers of a Resolver.
type Cache struct {
	Resolver Resolver
}
