package mythic

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/acme/dns01"
)

const (
	standardAPI   = "https://api.mythic-beasts.com/dns/v2"
	standardLogin = "https://auth.mythic-beasts.com/login"
	standardTTL   = 120 * time.Second
)

// V2 is a client of the DNS API v2. KeyID and Secret are all it needs. It may be used
// by many goroutines. Fields must not be changed after its first use, and it must not
// be copied.
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
	// policy, cookies and time-out are not used. Nil means that of net/http. Limits
	// and Network are for an *http.Transport; any other is used as it is.
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

	once     sync.Once
	setupErr error
	exchange *exchange
	api      *url.URL
	login    *url.URL
	tokens   cache[Secret]
	zones    cache[[]string]
	selects  atomic.Int32 // what is known of the API's select=: see deleteMany
}

var (
	_ dns01.Provider   = (*V2)(nil)
	_ dns01.ZoneFinder = (*V2)(nil)
	_ dns01.Verifier   = (*V2)(nil)
)

// String names the key.
func (c *V2) String() string { return fmt.Sprintf("mythic.V2(%q)", c.KeyID) }

// Format prints no more than String, for every verb: there are tokens inside.
func (c *V2) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *V2) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c *V2) setup() error {
	c.once.Do(func() {
		if c.KeyID == "" || c.Secret == "" {
			c.setupErr = errors.New("mythic: V2 needs the ID and the secret of an API key, from the control panel")
			return
		}
		if c.api, c.setupErr = address(c.API, standardAPI); c.setupErr != nil {
			return
		}
		if c.login, c.setupErr = address(c.Login, standardLogin); c.setupErr != nil {
			return
		}
		c.exchange, c.setupErr = newExchange(c.HTTP, c.Network, c.Timeout, c.Log)
	})
	return c.setupErr
}

// send makes a request of the API. With a token, 401 leads to one new log-in and one
// more attempt, since a token ends early when the host's address changes.
func (c *V2) send(ctx context.Context, req call) (reply, error) {
	if err := c.setup(); err != nil {
		return reply{}, err
	}
	secrets := c.secrets()
	var used *cached[Secret]
	req.authorize = func(ctx context.Context, r *http.Request) (err error) {
		if c.Basic {
			r.SetBasicAuth(c.KeyID, string(c.Secret))
			return nil
		}
		if used, err = c.tokens.get(ctx, c.logIn); err != nil {
			return err
		}
		secrets = append(secrets, string(used.value))
		r.Header.Set("Authorization", "Bearer "+string(used.value))
		return nil
	}
	r, err := c.exchange.do(ctx, req)
	if err == nil && r.status == http.StatusUnauthorized && !c.Basic {
		c.tokens.forget(used)
		r, err = c.exchange.do(ctx, req)
	}
	r.secrets = secrets
	return r, err
}

// secrets are the key's, as they are sent.
func (c *V2) secrets() []string {
	return []string{
		base64.StdEncoding.EncodeToString([]byte(c.KeyID + ":" + string(c.Secret))),
		string(c.Secret), url.QueryEscape(string(c.Secret)),
	}
}

// failure is an answer as an error.
func (c *V2) failure(op string, r reply) *Error {
	e := newError(op, r)
	switch {
	case !errors.Is(e, ErrUnauthorized):
	case c.Basic:
		e.advice = "see that ID and secret are those of an API key for the DNS API v2; passwords of v1 are not good here"
	default:
		e.advice = "a new token was refused too: if this host's address changes between requests, use Basic"
	}
	return e
}

// path is the address of something in the API.
func (c *V2) path(segments ...string) *url.URL {
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return c.api.JoinPath(segments...)
}

func (c *V2) ttl() time.Duration {
	if c.TTL > 0 {
		return c.TTL
	}
	return standardTTL
}
