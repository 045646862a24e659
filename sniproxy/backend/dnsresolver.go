package backend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// DNSResolver asks named recursive servers for AAAA records, over UDP, and over TCP
// when an answer was truncated. Servers is required. It keeps nothing: put a [Cache]
// before it.
//
// Each question has a random ID and leaves from a socket of its own, and so from a
// random port; an answer counts only if it comes from the server that was asked,
// with that ID and that question. Others are ignored, and do not end the wait.
type DNSResolver struct {
	// Servers are asked in turn until one answers, beginning with the one that
	// answered last.
	Servers []netip.AddrPort
	// Timeout is how long one server is waited for; zero means 1500 ms. All of
	// them are asked twice.
	Timeout time.Duration
	// MixCase asks in mixed case and wants it back (0x20), which makes an answer
	// harder to forge. Some servers do not give it back.
	MixCase bool
	// MaxCNAME is how long a chain of CNAMEs may be; zero means 8.
	MaxCNAME int
	// Dial opens the socket to a server, network being "udp" or "tcp"; nil means
	// that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	best atomic.Int64 // index of the server that answered last
}

const (
	udpSize    = 1232 // what fits into the smallest IPv6 MTU
	maxAddrs   = 32   // of one answer; the rest are left out
	dnsRounds  = 2
	dnsTimeout = 1500 * time.Millisecond
)

// LookupAAAA implements [Resolver]. CNAMEs are followed, in the answer or by asking
// again.
func (r *DNSResolver) LookupAAAA(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error) {
	if !isHostName(name) {
		return nil, 0, &LookupError{Name: name, Reason: BadName}
	}
	chain := chain{name: dns.CanonicalName(name), left: orElse(r.MaxCNAME, 8), ttl: maxTTL}
	for {
		before := chain.name
		answer, err := r.ask(ctx, chain.name)
		if err != nil {
			return nil, 0, &LookupError{Name: name, Reason: ServerFailure, Err: err}
		}
		addrs, reason := chain.read(answer)
		if reason == 0 && addrs == nil && chain.name != before {
			continue // the server gave the alias only
		}
		if reason == 0 && addrs == nil {
			reason = NoAddress
		}
		if reason != 0 {
			return nil, chain.ttl, &LookupError{Name: name, Reason: reason}
		}
		return addrs, chain.ttl, nil
	}
}

// ask gets an answer to a question from one of the servers.
func (r *DNSResolver) ask(ctx context.Context, name string) (*dns.Msg, error) {
	if len(r.Servers) == 0 {
		return nil, errors.New("no name server is configured")
	}
	var last error
	first := int(r.best.Load())
	for try := range dnsRounds * len(r.Servers) {
		i := (first + try) % len(r.Servers)
		answer, err := r.exchange(ctx, r.Servers[i], name)
		if err == nil {
			r.best.Store(int64(i))
			return answer, nil
		}
		last = fmt.Errorf("server %v: %w", r.Servers[i], err)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w (%w)", last, context.Cause(ctx))
		}
	}
	return nil, last
}

// exchange asks one server, without EDNS if it does not know that.
func (r *DNSResolver) exchange(ctx context.Context, server netip.AddrPort, name string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, orElse(r.Timeout, dnsTimeout))
	defer cancel()
	answer, err := r.try(ctx, server, name, true)
	if err == nil && answer.Rcode == dns.RcodeFormatError {
		answer, err = r.try(ctx, server, name, false)
	}
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("answer %s", dns.RcodeToString[answer.Rcode])
	}
	return answer, nil
}

func (r *DNSResolver) try(ctx context.Context, server netip.AddrPort, name string, edns bool) (*dns.Msg, error) {
	q := new(dns.Msg)
	asked := name
	if r.MixCase {
		asked = mixCase(name)
	}
	q.SetQuestion(asked, dns.TypeAAAA)
	if edns {
		q.SetEdns0(udpSize, false)
	}
	answer, err := r.over(ctx, "udp", server, q)
	if err == nil && answer.Truncated {
		answer, err = r.over(ctx, "tcp", server, q)
	}
	return answer, err
}

// over asks a question over one socket and waits for the answer to it.
func (r *DNSResolver) over(ctx context.Context, network string, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	wire, err := q.Pack()
	if err != nil {
		return nil, err
	}
	dial := r.Dial
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
		return overStream(conn, wire, q, r.MixCase)
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
		if answer := parseAnswer(buf[:n], q, r.MixCase); answer != nil {
			return answer, nil
		}
	}
}

func overStream(conn net.Conn, wire []byte, q *dns.Msg, exact bool) (*dns.Msg, error) {
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
	if answer := parseAnswer(buf, q, exact); answer != nil {
		return answer, nil
	}
	return nil, errors.New("the answer over TCP is not one to the question")
}

// parseAnswer returns the message if it is an answer to q, and nil otherwise.
func parseAnswer(wire []byte, q *dns.Msg, exact bool) *dns.Msg {
	if len(wire) < 12 || binary.BigEndian.Uint16(wire) != q.Id {
		return nil // spares unpacking what was guessed
	}
	a := new(dns.Msg)
	if a.Unpack(wire) != nil || !answers(a, q, exact) {
		return nil
	}
	return a
}

// answers reports whether a is the answer to q.
func answers(a, q *dns.Msg, exact bool) bool {
	if a.Id != q.Id || !a.Response || a.Opcode != dns.OpcodeQuery || len(a.Question) != 1 {
		return false
	}
	got, want := a.Question[0], q.Question[0]
	if got.Qtype != want.Qtype || got.Qclass != want.Qclass {
		return false
	}
	return got.Name == want.Name || !exact && dns.CanonicalName(got.Name) == dns.CanonicalName(want.Name)
}
