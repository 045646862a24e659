package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/internal/dnsask"
)

const (
	rounds         = 2
	defaultTimeout = 1500 * time.Millisecond
)

// Client asks Servers, which is required. It is not copied after first use.
type Client struct {
	// Servers are asked in turn until one answers, beginning with the one that
	// answered last.
	Servers []netip.AddrPort
	// Timeout is how long one server is waited for; zero means 1500 ms. All of
	// them are asked twice.
	Timeout time.Duration
	// MixCase asks in mixed case and wants it back: by TCP from servers that do not
	// repeat it.
	MixCase bool
	// Dial opens the socket to a server, network being "udp" or "tcp"; nil means
	// that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	best atomic.Int64 // index of the server that answered last
}

// Ask sends the one question of q, with a new ID, and returns the first answer that
// says what there is or that there is nothing. If no server says that, it returns an
// answer with another code such as SERVFAIL, or the last error if there was no
// answer at all. q is not changed.
//
// A server that does not know EDNS is asked without it.
func (c *Client) Ask(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	if len(c.Servers) == 0 {
		return nil, errors.New("no name server is configured")
	}
	var bad *dns.Msg
	var last error
	first := int(c.best.Load())
	for try := range rounds * len(c.Servers) {
		i := (first + try) % len(c.Servers)
		answer, err := c.one(ctx, c.Servers[i], q)
		switch {
		case err != nil:
			last = fmt.Errorf("server %v: %w", c.Servers[i], err)
		case answer.Rcode == dns.RcodeSuccess || answer.Rcode == dns.RcodeNameError:
			c.best.Store(int64(i))
			return answer, nil
		default:
			bad = answer
		}
		if ctx.Err() != nil || bad != nil && try+1 >= len(c.Servers) {
			break // a second round is for servers that said nothing
		}
	}
	if bad != nil {
		return bad, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		last = fmt.Errorf("%w (%w)", last, cause)
	}
	return nil, last
}

// one asks one server: once, since the next one may know more than a second packet.
func (c *Client) one(ctx context.Context, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	timeout := cmp.Or(c.Timeout, defaultTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ask := dnsask.Client{Timeout: timeout, Attempts: 1, MixCase: c.MixCase, Dial: c.Dial}
	return ask.Ask(ctx, server, q)
}
