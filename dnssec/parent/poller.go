package parent

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Server is a name server and where it answers.
type Server struct {
	Name  string
	Addrs []netip.AddrPort
}

// Answer is what one address of a name server of the parent says.
type Answer struct {
	Server string
	Addr   netip.AddrPort
	// DS are the zone's; none is a zone without DS, if Err is nil.
	DS []rotate.DS
	// TTL is that of the records at their source; zero if there are none.
	TTL time.Duration
	// Err says why the answer does not count.
	Err error
}

// Poller observes a zone's DS records by asking every address of every name
// server of its parent. The zero value finds these by the system's resolver.
type Poller struct {
	// Resolver finds the name servers, has the trust anchors, and says how often
	// and how long everybody is asked.
	Resolver Resolver
	// Servers says which zone is the parent and what its name servers are. Nil
	// means that they are looked up.
	Servers func(ctx context.Context, zone string) (parent string, servers []Server, err error)
	// NoIPv4 and NoIPv6 leave out addresses that this machine cannot reach. A
	// server that has no other counts as one that did not answer.
	NoIPv4, NoIPv6 bool
	// Port is where servers that were looked up answer; zero means 53.
	Port uint16
	// Log is told why an answer does not count; nil discards.
	Log *slog.Logger
}

// Observe asks. What does not count is Answered false; if nothing does, that is
// an error.
func (p *Poller) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return rotate.DSFacts{}, errors.ErrUnsupported
}

// Ask is what each address says, in the order of the servers' names.
func (p *Poller) Ask(ctx context.Context, zone string) ([]Answer, error) {
	return nil, errors.ErrUnsupported
}
