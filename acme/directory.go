package acme

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	lego "github.com/go-acme/lego/v4/acme"
)

// directoryLife is how long the directory is used without looking again.
const directoryLife = time.Hour

type directory struct{ lego.Directory }

// directory is the authority's, RFC 8555 section 7.1.1. When it cannot be had
// again, the old one still serves.
func (c *Client) directory(ctx context.Context, s *state) (*directory, error) {
	if d, ok := s.freshDirectory(c.now()); ok {
		return d, nil
	}
	if err := s.directoryGate.lock(ctx); err != nil {
		return nil, err
	}
	defer s.directoryGate.unlock()
	old, ok := s.freshDirectory(c.now())
	if ok {
		return old, nil
	}
	d, err := c.fetchDirectory(ctx, s)
	if err != nil {
		if old == nil || ctx.Err() != nil {
			return nil, fmt.Errorf("directory %s: %w", c.Directory, err)
		}
		c.log().WarnContext(ctx, "acme directory is not to be had, the old one is used", "url", c.Directory, "err", err)
		d = old
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directory, s.directoryAt = d, c.now()
	return d, nil
}

func (s *state) freshDirectory(now time.Time) (d *directory, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := now.Sub(s.directoryAt)
	return s.directory, s.directory != nil && age < directoryLife && age > -directoryLife
}

func (c *Client) fetchDirectory(ctx context.Context, s *state) (*directory, error) {
	r, err := c.do(ctx, s, http.MethodGet, c.Directory, nil)
	if err != nil {
		return nil, err
	}
	d := new(directory)
	if err := json.Unmarshal(r.body, d); err != nil {
		return nil, fmt.Errorf("not a directory: %w", err)
	}
	for _, e := range []struct{ name, url string }{
		{"newNonce", d.NewNonceURL}, {"newAccount", d.NewAccountURL}, {"newOrder", d.NewOrderURL},
	} {
		if err := c.checkURL(s, e.url); err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return d, nil
}
