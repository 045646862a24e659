package online

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// sign returns the signatures of a set, remembered or new.
func (r *reply) sign(set []dns.RR, made bool) ([]dns.RR, error) {
	k, err := r.st.current(r.Keys)
	if err != nil {
		return nil, err
	}
	by := k.forZone
	switch set[0].Header().Rrtype {
	case dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY:
		by = k.forKeys
	}
	signed, err := dnssec.NewSignedSet(set)
	if err != nil {
		return nil, err
	}
	sigs := make([]dns.RR, 0, len(by))
	for _, key := range by {
		sig, err := r.st.signer.get(r.ctx, signed, key, made)
		if err != nil {
			return nil, err
		}
		sigs = append(sigs, dns.Copy(sig))
	}
	return sigs, nil
}

// signer makes signatures, remembers them, and rations new ones.
type signer struct {
	lifetime, refresh, skew time.Duration

	mu      sync.Mutex // of all that follows
	own     *memory    // of what the zone has
	others  *memory    // of names that are not there, or that a wildcard makes
	pending map[[sha256.Size]byte]*call
	rate    float64
	tokens  float64
	last    time.Time
	count   Stats
}

// call is a signature in the making, which others wait for.
type call struct {
	done chan struct{}
	sig  *dns.RRSIG
	err  error
}

func newSigner(s *Server) *signer {
	or := func(d, otherwise time.Duration) time.Duration {
		if d == 0 {
			return otherwise
		}
		return d
	}
	g := &signer{
		lifetime: or(s.Lifetime, 48*time.Hour), skew: or(s.Skew, time.Hour),
		pending: map[[sha256.Size]byte]*call{}, rate: 2000,
	}
	g.refresh = or(s.Refresh, g.lifetime/4)
	if s.SignRate > 0 {
		g.rate = float64(s.SignRate)
	}
	size := 65536
	if s.Memory > 0 {
		size = s.Memory
	}
	g.own, g.others = newMemory(size), newMemory(size)
	g.tokens, g.last = g.rate, time.Now()
	return g
}

// get is the signature of a set by a key. The first who finds that one is soon to
// expire makes the next; the others get the old one meanwhile.
func (g *signer) get(ctx context.Context, set dnssec.SignedSet, key *dnssec.Key, made bool) (*dns.RRSIG, error) {
	id := set.Digest(key)
	now := time.Now()
	store := g.own
	if made {
		store = g.others
	}
	g.mu.Lock()
	old := store.get(id)
	left := time.Duration(0)
	if old != nil {
		left = time.Duration(int32(old.Expiration-uint32(now.Unix()))) * time.Second
	}
	waiting := g.pending[id]
	switch {
	case old != nil && left > 0 && (left > g.refresh || waiting != nil):
		g.count.Hits++
		g.mu.Unlock()
		return old, nil
	case waiting != nil:
		g.mu.Unlock()
		return waiting.wait(ctx)
	case !g.take(now, made):
		g.count.Refused++
		g.mu.Unlock()
		if old != nil && left > 0 {
			return old, nil
		}
		return nil, errBusy
	}
	c := &call{done: make(chan struct{})}
	g.pending[id] = c
	g.mu.Unlock()

	c.sig, c.err = set.Sign(key, now.Add(-g.skew), now.Add(g.lifetime))
	g.mu.Lock()
	delete(g.pending, id)
	if c.err == nil {
		store.put(id, c.sig)
		g.count.Signed++
	}
	g.mu.Unlock()
	close(c.done)
	if c.err != nil && old != nil && left > 0 {
		return old, nil
	}
	return c.sig, c.err
}

func (c *call) wait(ctx context.Context) (*dns.RRSIG, error) {
	select {
	case <-c.done:
		return c.sig, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// take takes one from the ration; the last quarter is for what the zone has.
func (g *signer) take(now time.Time, made bool) bool {
	g.tokens = min(g.rate, g.tokens+now.Sub(g.last).Seconds()*g.rate)
	g.last = now
	floor := 1.0
	if made {
		floor += g.rate / 4
	}
	if g.tokens < floor {
		return false
	}
	g.tokens--
	return true
}

func (g *signer) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.count
	s.Remembered = g.own.len() + g.others.len()
	return s
}
