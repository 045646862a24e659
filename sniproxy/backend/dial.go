package backend

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

var errNotBuilt = errors.New("not built")

// DialOptions are how [Dial] connects. The zero value connects to any address
// from the kernel's choice of address.
type DialOptions struct {
	// Guard is asked about each address right before it is dialled. Nil allows
	// all of them: for addresses that an operator wrote.
	Guard *Guard
	// Source chooses where the connection comes from, for Client.
	Source *Source
	Client netip.Addr
	// Stagger and Timeout are those of [Race].
	Stagger, Timeout time.Duration
	// Report is told how each attempt ended, except those that were given up
	// because another one won: [Pool.Report] or [Lookup.Report]. Nil means nobody.
	Report func(addr netip.AddrPort, err error, took time.Duration)
}

// Dial connects to the first of the candidates that answers. The next one is tried
// after Stagger or when one fails. MPTCP and keep-alive are off, TCP_NODELAY is on.
//
// An error joins those of all attempts, so that errors.As finds a *[RefusedError];
// it is ErrNoBackend when there are no candidates.
func Dial(ctx context.Context, candidates []netip.AddrPort, o DialOptions) (*net.TCPConn, error) {
	return nil, errNotBuilt
}
