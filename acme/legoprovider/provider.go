package legoprovider

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-acme/lego/v4/challenge"
	legodns01 "github.com/go-acme/lego/v4/challenge/dns01"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/dns01"
)

// presentTimeout bounds one call, since lego gives no context.
const presentTimeout = 5 * time.Minute

// Provider is a provider of lego. It may be used by many goroutines.
type Provider struct {
	solver *dns01.Solver
	mu     sync.Mutex // guards held
	held   map[key][]acme.Presented
}

var _ challenge.ProviderTimeout = (*Provider)(nil)

// key is what tells records apart.
type key struct{ domain, value string }

// keyOf knows that lego calls the check of a wildcard by its name, and all else
// without the "*.".
func keyOf(domain, value string) key { return key{strings.TrimPrefix(domain, "*."), value} }

// Wrap makes the solver a provider.
func Wrap(s *dns01.Solver) *Provider {
	return &Provider{solver: s, held: make(map[key][]acme.Presented)}
}

// Present adds the record of a challenge.
func (p *Provider) Present(domain, token, keyAuth string) error {
	ctx, cancel := context.WithTimeout(context.Background(), presentTimeout)
	defer cancel()
	k := keyOf(domain, value(keyAuth))
	presented, err := p.solver.Present(ctx, acme.Challenge{
		Type: acme.DNS01, Identifier: domain, Token: token, KeyAuth: keyAuth, TXT: k.value,
	})
	if err != nil {
		return fmt.Errorf("legoprovider: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[k] = append(p.held[k], presented)
	return nil
}

// CleanUp deletes what Present added, and no other value. That nothing was added is
// no error.
func (p *Provider) CleanUp(domain, _, keyAuth string) error {
	ctx, cancel := context.WithTimeout(context.Background(), presentTimeout)
	defer cancel()
	presented := p.take(keyOf(domain, value(keyAuth)))
	if presented == nil {
		return nil
	}
	if err := presented.CleanUp(ctx); err != nil {
		return fmt.Errorf("legoprovider: %w", err)
	}
	return nil
}

// take removes one of those that are held; nil if there is none.
func (p *Provider) take(k key) acme.Presented {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.held[k]
	if len(all) == 0 {
		return nil
	}
	if len(all) == 1 {
		delete(p.held, k)
	} else {
		p.held[k] = all[:len(all)-1]
	}
	return all[len(all)-1]
}

// Timeout is how long lego waits for a record and how often it looks: the solver's
// Timeout, and its MaxPoll.
func (p *Provider) Timeout() (timeout, interval time.Duration) {
	return cmp.Or(p.solver.Timeout, 5*time.Minute), cmp.Or(p.solver.MaxPoll, 5*time.Second)
}

// PreCheck is a [legodns01.WrapPreCheckFunc] that waits with the solver instead of
// lego's own check.
func (p *Provider) PreCheck(domain, fqdn, value string, _ legodns01.PreCheckFunc) (bool, error) {
	p.mu.Lock()
	all := p.held[keyOf(domain, value)]
	p.mu.Unlock()
	if len(all) == 0 {
		return false, fmt.Errorf("legoprovider: no record of %q was added for %q", fqdn, domain)
	}
	if err := all[0].Ready(context.Background()); err != nil {
		return false, fmt.Errorf("legoprovider: %w", err)
	}
	return true, nil
}

// value is the record's text (RFC 8555 section 8.4).
func value(keyAuth string) string {
	sum := sha256.Sum256([]byte(keyAuth))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
