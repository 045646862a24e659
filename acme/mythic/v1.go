package mythic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

const (
	standardV1    = "https://dnsapi.mythic-beasts.com/"
	standardTTLV1 = 30 * time.Second
)

// V1 is a client of the DNS API v1. Passwords are all it needs. It may be used by many
// goroutines. Fields must not be changed after its first use, and it must not be
// copied.
type V1 struct {
	// Passwords are those of the domains, which are the keys. A name is in the longest
	// domain that it ends with, whole labels compared.
	Passwords map[string]Secret
	// API is the address of the API; none means https://dnsapi.mythic-beasts.com/.
	API string
	// HTTP has the transport and its trust; it is not changed, and its redirect
	// policy, cookies and time-out are not used. Nil means that of net/http. Limits
	// and Network are for an *http.Transport; any other is used as it is.
	HTTP *http.Client
	// Network is the address family that is used, "tcp4" or "tcp6". None means that of
	// the first connection, as long as it works.
	Network string
	// TTL is that of records that do not say; zero means 30 s.
	TTL time.Duration
	// Timeout is for one request and its answer; zero means 30 s.
	Timeout time.Duration
	// Log is told of requests that are repeated; nil discards.
	Log *slog.Logger

	once      sync.Once
	setupErr  error
	exchange  *exchange
	api       *url.URL
	passwords map[string]Secret // by canonical name
}

var (
	_ dns01.Provider   = (*V1)(nil)
	_ dns01.ZoneFinder = (*V1)(nil)
)

// String says how many domains there are.
func (c *V1) String() string { return fmt.Sprintf("mythic.V1(%d domains)", len(c.Passwords)) }

// Format prints no more than String, for every verb.
func (c *V1) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *V1) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c *V1) setup() error {
	c.once.Do(func() {
		if c.api, c.setupErr = address(c.API, standardV1); c.setupErr != nil {
			return
		}
		c.passwords = make(map[string]Secret, len(c.Passwords))
		for domain, password := range c.Passwords {
			name, err := canonical(domain)
			if err != nil {
				c.setupErr = fmt.Errorf("a domain of V1.Passwords: %w", err)
				return
			}
			if password == "" {
				c.setupErr = fmt.Errorf("mythic: domain %s: it has no password; set one in the control panel", name)
				return
			}
			c.passwords[name] = password
		}
		c.exchange, c.setupErr = newExchange(c.HTTP, c.Network, c.Timeout, c.Log)
	})
	return c.setupErr
}

// ZoneOf is the longest domain with a password that has the name, with a dot at its
// end. If there is none the error is an fs.ErrNotExist.
func (c *V1) ZoneOf(_ context.Context, fqdn string) (string, error) {
	if err := c.setup(); err != nil {
		return "", err
	}
	return longest(fqdn, maps.Keys(c.passwords))
}

// AddTXT adds records, those of one domain in one transaction (and 100 at most). One
// that is there already is no error.
func (c *V1) AddTXT(ctx context.Context, records ...dns01.TXT) error {
	return c.each(ctx, "ADD", records)
}

// DeleteTXT deletes records of exactly these names and values, those of one domain in
// one transaction (and 100 at most). One that is not there is no error.
func (c *V1) DeleteTXT(ctx context.Context, records ...dns01.TXT) error {
	return c.each(ctx, "DELETE", records)
}

// each makes the transactions of all domains.
func (c *V1) each(ctx context.Context, verb string, records []dns01.TXT) error {
	if err := c.setup(); err != nil {
		return err
	}
	ttl := c.TTL
	if ttl <= 0 {
		ttl = standardTTLV1
	}
	all, err := batches(ctx, c, records, ttl)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range all {
		for chunk := range slices.Chunk(b.changes, maxAdd) {
			errs = append(errs, c.apply(ctx, b.zone, verb, chunk))
		}
	}
	return errors.Join(errs...)
}
