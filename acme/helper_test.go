package acme_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

// client is a new account at the authority.
func client(t *testing.T, ca *acmetest.CA) *acme.Client {
	t.Helper()
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	c := &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key, AcceptTerms: true}
	if !strings.HasPrefix(ca.URL(), "https://ca.invalid/") {
		c.Poll.First = time.Millisecond // real time
	}
	return c
}

// zone is a solver that keeps TXT records in a map, several at a name.
type zone struct {
	types     []string // nil is dns-01
	onPresent func(ctx context.Context, ch acme.Challenge) error
	onReady   func(ctx context.Context, ch acme.Challenge) error

	mu      sync.Mutex
	records map[string][]string // guarded by mu
	seen    []acme.Challenge    // guarded by mu
	dead    int                 // clean-ups with a context that had ended; guarded by mu
}

func (z *zone) Types() []string {
	if z.types == nil {
		return []string{acme.DNS01}
	}
	return z.types
}

func (z *zone) Present(ctx context.Context, ch acme.Challenge) (acme.Presented, error) {
	if z.onPresent != nil {
		if err := z.onPresent(ctx, ch); err != nil {
			return nil, err
		}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.records == nil {
		z.records = map[string][]string{}
	}
	z.seen = append(z.seen, ch)
	name := "_acme-challenge." + ch.Identifier + "."
	z.records[name] = append(z.records[name], ch.TXT)
	return &record{z, ch, name}, nil
}

// TXT is for [acmetest.CAOptions].TXT.
func (z *zone) TXT(name string) []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	return slices.Clone(z.records[name])
}

// requireClean requires that each record was removed, with a live context.
func (z *zone) requireClean(t *testing.T) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	for name, values := range z.records {
		require.Empty(t, values, name)
	}
	require.Zero(t, z.dead, "clean-ups with an ended context")
}

func (z *zone) presented() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return len(z.seen)
}

type record struct {
	z    *zone
	ch   acme.Challenge
	name string
}

func (r *record) Ready(ctx context.Context) error {
	if r.z.onReady != nil {
		return r.z.onReady(ctx, r.ch)
	}
	return nil
}

func (r *record) CleanUp(ctx context.Context) error {
	r.z.mu.Lock()
	defer r.z.mu.Unlock()
	if ctx.Err() != nil {
		r.z.dead++
	}
	i := slices.Index(r.z.records[r.name], r.ch.TXT)
	if i < 0 {
		return errors.New("cleaned up twice")
	}
	r.z.records[r.name] = slices.Delete(r.z.records[r.name], i, i+1)
	return nil
}

// problem is the authority's refusal in an error.
func problem(t *testing.T, err error) *acme.Error {
	t.Helper()
	var p *acme.Error
	require.ErrorAs(t, err, &p)
	return p
}
