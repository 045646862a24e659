package parent

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// TSIG is a key that two servers share (RFC 8945).
type TSIG struct {
	Name string
	// Algorithm is as in the registry, "hmac-sha256." for example, which is what
	// none means.
	Algorithm string
	// Secret is the key in base64.
	Secret Secret
}

// Update changes DS records by dynamic updates (RFC 2136) of the parent zone, all
// of a change in one message. Each says what the records must be before, so that
// nothing is lost that somebody else changes meanwhile.
type Update struct {
	// Server is the parent's primary.
	Server netip.AddrPort
	// Zone is the parent's name. None means that the server is asked which of the
	// names above the child it has an SOA record of.
	Zone string
	// Key signs updates. Without a name they are not signed.
	Key TSIG
	// TTL is that of new records, in seconds, if there are none to take it from;
	// zero means 3600.
	TTL uint32
	// Timeout is that of one exchange; zero means 10 seconds.
	Timeout time.Duration
	// Dial connects, by "tcp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Observer nil means that people confirm what the parent has.
	Observer Observer
}

// Submit updates the parent zone, unless it is as wanted.
func (u *Update) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	return errors.ErrUnsupported
}

// Observe asks the Observer.
func (u *Update) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return observe(ctx, u.Observer, zone)
}
