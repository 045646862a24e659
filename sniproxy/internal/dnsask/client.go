package dnsask

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Size is how large an answer over UDP may be: what fits into the smallest IPv6 MTU.
const Size = 1232

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
	// MixCase asks in mixed case and wants it back.
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
		answer, err := c.exchange(ctx, c.Servers[i], q)
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

// exchange asks one server, without EDNS if it does not know that.
func (c *Client) exchange(ctx context.Context, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := c.try(ctx, server, q)
	if err == nil && answer.Rcode == dns.RcodeFormatError && q.IsEdns0() != nil {
		plain := *q
		plain.Extra = nil
		answer, err = c.try(ctx, server, &plain)
	}
	return answer, err
}

func (c *Client) try(ctx context.Context, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	sent := *q
	sent.Id = dns.Id()
	sent.Question = []dns.Question{q.Question[0]}
	if c.MixCase {
		sent.Question[0].Name = mixCase(q.Question[0].Name)
	}
	answer, err := c.over(ctx, "udp", server, &sent)
	if err == nil && answer.Truncated {
		answer, err = c.over(ctx, "tcp", server, &sent)
	}
	if err == nil {
		answer.Question[0].Name = q.Question[0].Name
	}
	return answer, err
}

// over asks a question over one socket and waits for the answer to it.
func (c *Client) over(ctx context.Context, network string, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	wire, err := q.Pack()
	if err != nil {
		return nil, err
	}
	dial := c.Dial
	if dial == nil {
		var d net.Dialer
		d.SetMultipathTCP(false)
		dial = d.DialContext
	}
	conn, err := dial(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if network == "tcp" {
		return c.overStream(conn, wire, q)
	}
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if answer := c.parse(buf[:n], q); answer != nil {
			return answer, nil
		}
	}
}

func (c *Client) overStream(conn net.Conn, wire []byte, q *dns.Msg) (*dns.Msg, error) {
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(wire)))
	if _, err := conn.Write(append(framed, wire...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	if answer := c.parse(buf, q); answer != nil {
		return answer, nil
	}
	return nil, errors.New("the answer over TCP is not one to the question")
}

// parse returns the message if it is an answer to q, and nil otherwise.
func (c *Client) parse(wire []byte, q *dns.Msg) *dns.Msg {
	if len(wire) < 12 || binary.BigEndian.Uint16(wire) != q.Id {
		return nil // spares unpacking what was guessed
	}
	a := new(dns.Msg)
	if a.Unpack(wire) != nil || !c.answers(a, q) {
		return nil
	}
	return a
}

// answers reports whether a, with the right ID, is the answer to q.
func (c *Client) answers(a, q *dns.Msg) bool {
	if !a.Response || a.Opcode != dns.OpcodeQuery || len(a.Question) != 1 {
		return false
	}
	got, want := a.Question[0], q.Question[0]
	if got.Qtype != want.Qtype || got.Qclass != want.Qclass {
		return false
	}
	return got.Name == want.Name || !c.MixCase && dns.CanonicalName(got.Name) == dns.CanonicalName(want.Name)
}

// mixCase turns letters to upper or lower case at random. Escapes stay what they
// are: they have no letters.
func mixCase(name string) string {
	coins := make([]byte, len(name))
	_, _ = rand.Read(coins) // never fails
	return strings.Map(func(r rune) rune {
		coin := coins[0]
		coins = coins[1:]
		if coin&1 == 1 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return r ^ 0x20
		}
		return r
	}, name)
}
