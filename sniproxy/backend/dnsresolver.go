package backend

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/internal/dnsask"
	"github.com/mythic-beasts/hostkit/sniproxy/internal/upstream"
)

// DNSResolver asks named recursive servers for AAAA records, over UDP, and over TCP
// when an answer was truncated. Servers is required. It keeps nothing: put a [Cache]
// before it. Its fields are read at the first look-up.
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
	// harder to forge. Servers that do not give it back are asked by TCP.
	MixCase bool
	// MaxCNAME is how long a chain of CNAMEs may be; zero means 8.
	MaxCNAME int
	// Dial opens the socket to a server, network being "udp" or "tcp"; nil means
	// that of package net.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	once   sync.Once
	client upstream.Client
}

// maxAddrs is how many addresses of one answer are used.
const maxAddrs = 32

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
	r.once.Do(func() {
		r.client.Servers, r.client.Timeout, r.client.MixCase, r.client.Dial = r.Servers, r.Timeout, r.MixCase, r.Dial
	})
	q := new(dns.Msg).SetQuestion(name, dns.TypeAAAA)
	q.SetEdns0(dnsask.Size, false)
	answer, err := r.client.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("the servers say %s", dns.RcodeToString[answer.Rcode])
	}
	return answer, nil
}
