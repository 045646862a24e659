package epp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Form is what a registry takes; each takes one of them (RFC 5910, section 4).
type Form uint8

const (
	// DSData is the DS records.
	DSData Form = iota
	// DSDataWithKey is the DS records, each with the key that it is of.
	DSDataWithKey
	// KeyData is the keys, of which the registry makes DS records by itself.
	KeyData
)

// Client keeps DS records by a registrar's account.
type Client struct {
	// Addr is the registry's host and port; without a port it is 700.
	Addr string
	// TLS has the client certificate, if the registry wants one. Nil means the
	// system's roots and the name of Addr. It is used with TLS 1.2 or later.
	TLS *tls.Config
	// User and Password are the registrar's.
	User     string
	Password parent.Secret
	// Form is what the registry takes.
	Form Form
	// Keys are the zone's keys, for forms that have them; it must know the key of
	// each DS that is added or, in KeyData, removed.
	Keys func(ctx context.Context, zone string) ([]*dns.DNSKEY, error)
	// MaxSigLife is what the registry is asked to set as the longest life of
	// signatures over DS records; zero asks for nothing.
	MaxSigLife time.Duration
	// Urgent asks that changes be carried out with high priority.
	Urgent bool
	// RemoveAll says that a change which leaves nothing is sent as "all" instead
	// of a list.
	RemoveAll bool
	// Timeout is that of connecting and of one command; zero means 30 seconds.
	Timeout time.Duration
	// Idle is after how long a session is checked by a hello before it is used
	// again; zero means a minute.
	Idle time.Duration
	// Dial connects, before TLS. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Observer nil means that what the registry has stored counts as what its name
	// servers have, and the policy's ParentPropagation must be as long as it
	// takes until they do. A [parent.Poller] is better.
	Observer parent.Observer
	// Log is told of sessions and commands; nil discards.
	Log *slog.Logger
}

// Submit makes the domain's DS records what they are to be.
func (c *Client) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	return errors.ErrUnsupported
}

// Observe asks the Observer, or else the registry.
func (c *Client) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	return rotate.DSFacts{}, errors.ErrUnsupported
}

// Close logs out. A Client that is used again logs in again.
func (c *Client) Close() error { return nil }
