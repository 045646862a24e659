package dns64

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/upstream"
)

// Upstream answers questions recursively. q has one question; it is not changed.
// An answer with any code is an answer; an error means that there is none.
type Upstream interface {
	Ask(ctx context.Context, q *dns.Msg) (*dns.Msg, error)
}

// Forwarder asks recursive servers over UDP, and over TCP when an answer was
// truncated. Servers is required. Its fields are read at the first question.
type Forwarder struct {
	// Servers are asked in turn until one answers, beginning with the one that
	// answered last.
	Servers []netip.AddrPort
	// Timeout is how long one server is waited for; zero means 1500 ms.
	Timeout time.Duration
	// MixCase makes answers harder to forge (0x20).
	MixCase bool

	once   sync.Once
	client upstream.Client
}

var _ Upstream = (*Forwarder)(nil)

// Ask implements [Upstream].
func (f *Forwarder) Ask(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	f.once.Do(func() { f.client.Servers, f.client.Timeout, f.client.MixCase = f.Servers, f.Timeout, f.MixCase })
	return f.client.Ask(ctx, q)
}
