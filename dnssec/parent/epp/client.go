package epp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
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

// Client keeps DS records by a registrar's account. Commands are sent one after
// another.
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
	// signatures over DS records, in whole seconds; zero asks for nothing.
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
	// Log is told of sessions and changes; nil discards.
	Log *slog.Logger

	mu      sync.Mutex // one command at a time; guards session
	session *session
}

func (c *Client) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.New(slog.DiscardHandler)
}

// Submit makes the domain's DS records what they are to be, in one command. It
// does nothing if they are.
func (c *Client) Submit(ctx context.Context, zone string, add, remove []rotate.DS) error {
	if len(add)+len(remove) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.submit(ctx, domain(zone), zone, add, remove); err != nil {
		return fmt.Errorf("epp: DS of %s at %s: %w", zone, c.Addr, err)
	}
	return nil
}

func (c *Client) submit(ctx context.Context, name, zone string, add, remove []rotate.DS) error {
	have, err := c.info(ctx, name)
	if err != nil {
		return err
	}
	change, err := c.change(ctx, zone, have, add, remove)
	if err != nil || change == nil {
		return err
	}
	_, err = c.do(ctx, &command{Update: &update{domainName{name}}, Extension: &extension{*change}})
	if err == nil {
		c.log().Info("EPP update", "registry", c.Addr, "domain", name, "add", len(add), "remove", len(remove))
	}
	return err
}

// Observe asks the Observer, or else the registry for what it has stored. That has
// no TTL.
func (c *Client) Observe(ctx context.Context, zone string) (rotate.DSFacts, error) {
	if c.Observer != nil {
		return c.Observer.Observe(ctx, zone)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	have, err := c.info(ctx, domain(zone))
	if err != nil {
		return rotate.DSFacts{}, fmt.Errorf("epp: DS of %s at %s: %w", zone, c.Addr, err)
	}
	ds, err := have.records(zone)
	if err != nil {
		return rotate.DSFacts{}, fmt.Errorf("epp: DS of %s at %s: %w", zone, c.Addr, err)
	}
	return rotate.DSFacts{Servers: []rotate.ServerDS{{Name: c.Addr, Answered: true, DS: ds}}}, nil
}

// info is what the registry has of a domain.
func (c *Client) info(ctx context.Context, name string) (stored, error) {
	r, err := c.do(ctx, &command{Info: &info{domainName{name}}})
	if err != nil {
		return stored{}, err
	}
	if r.Data.Domain == nil || !strings.EqualFold(strings.TrimSpace(r.Data.Domain.Name), name) {
		return stored{}, errors.New("the registry answers about another domain")
	}
	sec := r.Extension.SecDNS
	if sec == nil {
		return stored{}, nil
	}
	return stored{data: sec.data, maxSigLife: sec.MaxSigLife}, nil
}

// do sends a command in the session that is there, or in a new one. A session that
// turns out to be broken is replaced once: all commands here may be sent twice.
func (c *Client) do(ctx context.Context, cmd *command) (*response, error) {
	fresh := c.session == nil
	r, err := c.try(ctx, cmd)
	if broken := new(brokenError); errors.As(err, &broken) && !fresh && ctx.Err() == nil {
		return c.try(ctx, cmd)
	}
	return r, err
}

func (c *Client) try(ctx context.Context, cmd *command) (*response, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, 30*time.Second))
	defer cancel()
	if c.session == nil {
		if err := c.connect(ctx); err != nil {
			return nil, err
		}
	} else if time.Since(c.session.last) >= cmp.Or(c.Idle, time.Minute) {
		if err := c.session.hello(ctx); err != nil {
			c.drop(err)
			return nil, err
		}
	}
	r, err := c.session.send(ctx, cmd)
	broken, result := new(brokenError), new(ResultError)
	if errors.As(err, &broken) || errors.As(err, &result) && ends(result.Code) {
		c.drop(err)
	}
	return r, err
}

// drop gives up a session.
func (c *Client) drop(why error) {
	_ = c.session.conn.Close()
	c.session = nil
	c.log().Info("EPP session ends", "registry", c.Addr, "error", why)
}

// Close logs out. A Client that is used again logs in again.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(c.Timeout, 30*time.Second))
	defer cancel()
	_, err := c.session.send(ctx, &command{Logout: &struct{}{}})
	c.drop(err)
	if err != nil {
		return fmt.Errorf("epp: log out of %s: %w", c.Addr, err)
	}
	return nil
}

// domain is a zone's name as registries have it.
func domain(zone string) string { return strings.ToLower(strings.TrimSuffix(zone, ".")) }
