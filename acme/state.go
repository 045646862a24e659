package acme

import (
	"cmp"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// state is what a Client learns and keeps between calls.
type state struct {
	http   *http.Client
	host   string // of the directory
	nonces noncePool

	directoryGate gate
	accountGate   gate
	requests      gate // of all that are under way

	mu          sync.Mutex
	directory   *directory // guarded by mu
	directoryAt time.Time  // guarded by mu
	signer      *signer    // guarded by mu; replaced, never changed
}

// gate lets as many in as it has room for. A context can be waited out of.
type gate chan struct{}

func (g gate) lock(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g gate) unlock() { <-g }

// use checks the fields and makes the state at the first use.
func (c *Client) use() (*state, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != nil {
		return c.state, nil
	}
	u, err := url.Parse(c.Directory)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("acme: directory %q: not an https URL", c.Directory)
	}
	if c.Key == nil {
		return nil, errors.New("acme: Client.Key is nil: the account needs a key")
	}
	s, err := newSigner(c.Key)
	if err != nil {
		return nil, fmt.Errorf("acme: account key: %w", err)
	}
	s.kid = c.AccountURL
	c.state = &state{
		http:          c.httpClient(),
		host:          u.Host,
		directoryGate: make(gate, 1),
		accountGate:   make(gate, 1),
		requests:      make(gate, cmp.Or(max(c.MaxRequests, 0), maxRequests)),
		signer:        s,
	}
	return c.state, nil
}

// account is the signer of the account, which need not be known yet.
func (s *state) account() *signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signer
}

func (s *state) setAccount(a *signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signer = a
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) log() *slog.Logger {
	return cmp.Or(c.Log, slog.New(slog.DiscardHandler))
}

// samePublic says that two keys are the same.
func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
