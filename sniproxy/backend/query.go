package backend

import (
	"errors"
	"net/netip"
)

// Query is what a connection knows when it asks for its backends.
type Query struct {
	// Name is the canonical name that the client asked for: lower case, without
	// the trailing dot. It is not kept beyond the call, so that it may be a view
	// into a buffer; what is stored is a copy.
	Name string
	// Client is where the connection comes from. It selects a sticky member and
	// is what limits are counted by.
	Client netip.Addr
	// Port is the port that the client connected to. A [Lookup] without a port
	// of its own uses it.
	Port uint16
}

// ErrNoBackend says that there is no server to try: none is configured, all are
// drained, or the name has none.
var ErrNoBackend = errors.New("backend: no server")

// ErrLimited says that a client asked for too many names that were not cached, or
// that too many look-ups are in flight.
var ErrLimited = errors.New("backend: too many look-ups of uncached names")
