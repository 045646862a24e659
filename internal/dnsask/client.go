package dnsask

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// Size is what a datagram may have without being fragmented (RFC 9715).
const Size = 1232

var (
	// ErrOdd says that what came was no answer to what was asked.
	ErrOdd = errors.New("what came is no answer to what was asked")
	// ErrTruncated says that the answer is truncated by TCP too.
	ErrTruncated = errors.New("the answer is truncated even by TCP")

	errCase = errors.New("the answer does not repeat the question letter for letter")
)

// Client asks servers. Its zero value is ready for use, by many goroutines.
type Client struct {
	// Timeout is that of one attempt; zero means 2 seconds.
	Timeout time.Duration
	// Attempts is how often a server is asked by UDP before TCP is tried; zero
	// means 2.
	Attempts int
	// MixCase gives a question's letters random case by UDP, and wants it back: by
	// TCP from servers that do not repeat it.
	MixCase bool
	// Dial connects; networks are "udp" and "tcp". Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Ask sends a question with a new ID, and without EDNS to a server that knows none.
// The question is not changed, and an answer repeats it as it was asked.
func (c *Client) Ask(ctx context.Context, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	answer, err := c.Exchange(ctx, server, m)
	if err != nil || m.IsEdns0() == nil || answer.Rcode != dns.RcodeFormatError && answer.Rcode != dns.RcodeNotImplemented {
		return answer, err
	}
	plain := *m
	plain.Extra = nil
	return c.Exchange(ctx, server, &plain)
}

// Exchange sends a message of one question, whatever its opcode, as it is but for a new
// ID and the case of letters.
func (c *Client) Exchange(ctx context.Context, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	for range cmp.Or(c.Attempts, 2) {
		answer, err := c.once(ctx, "udp", server, m)
		if err == nil && !answer.Truncated {
			return answer, nil
		}
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err == nil || errors.Is(err, ErrOdd) || errors.Is(err, errCase) || Unreachable(err) {
			break
		}
	}
	answer, err := c.once(ctx, "tcp", server, m)
	if err == nil && answer.Truncated {
		return nil, ErrTruncated
	}
	return answer, err
}

// once is one attempt, on a connection of its own and so from a port that cannot be
// guessed.
func (c *Client) once(ctx context.Context, network string, server netip.AddrPort, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, 2*time.Second))
	defer cancel()
	sent := *m
	sent.Id = dns.Id()
	sent.Question = []dns.Question{m.Question[0]}
	if c.MixCase && network == "udp" {
		sent.Question[0].Name = mixCase(m.Question[0].Name)
	}
	query, err := sent.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack a question: %w", err)
	}
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var answer *dns.Msg
	if network == "tcp" {
		answer, err = byStream(conn, query, &sent)
	} else {
		answer, err = byDatagram(conn, query, &sent, c.MixCase)
	}
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, ErrOdd) {
			err = ctx.Err() // and not that of the connection, which ended with it
		}
		return nil, fmt.Errorf("no answer by %s: %w", network, err)
	}
	if len(answer.Question) > 0 {
		answer.Question[0].Name = m.Question[0].Name
	}
	return answer, nil
}
