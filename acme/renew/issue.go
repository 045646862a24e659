package renew

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
)

// ledger is the name under which the budget of the account is stored.
const ledger = "_account"

// What is left to do when a program ends, or a certificate is there, has this long.
const grace = time.Minute

// renew obtains a certificate under the lock. force passes over the budget of names.
func (m *Manager) renew(ctx context.Context, e *entry, leaf *x509.Certificate, force bool) (hold time.Time, err error) {
	m.mu.Lock()
	s, req := e.state, e.req
	names := e.names
	m.mu.Unlock()
	now := m.now()
	exempt := force || leaf != nil && s.ARI.CertID == s.CertID
	if spent, wait := m.Policy.namesBudget().take(s.Spent, now); wait > 0 && !exempt {
		hold = m.hold(e, now.Add(wait), "the budget of certificates for these names is used up")
		if spent.Equal(s.Spent) {
			return hold, nil
		}
		s.Spent = spent
		return hold, m.writeState(ctx, e.name, s)
	}
	// This proves that the store can be written, and counts if the program dies.
	begun := m.Policy.Failed(s, "the program ended while it was at it", 0, now)
	if err := m.writeState(ctx, e.name, begun); err != nil {
		return time.Time{}, err
	}
	wait, err := m.spend(ctx, now)
	if err == nil && wait > 0 {
		hold = m.hold(e, now.Add(wait), "the budget of orders is used up")
	}
	if err != nil || wait > 0 {
		return hold, errors.Join(err, m.writeState(ctx, e.name, s))
	}
	// Only what the authority knows can be replaced. It may be another one by now, or
	// another account: every other try is without.
	if s.ARI.CertID == s.CertID && s.Failures%2 == 0 {
		req.Replaces = leaf
	}
	cert, err := m.Issuer.Obtain(ctx, req, m.Solver)
	if err != nil {
		return time.Time{}, m.failed(ctx, e, s, leaf, err)
	}
	return time.Time{}, m.issued(ctx, e, s, names, cert)
}

// hold notes why a certificate has to wait.
func (m *Manager) hold(e *entry, until time.Time, why string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.state.LastError = why + ", until " + until.UTC().Format(time.RFC3339)
	e.forceAt = until
	return until
}

// spend takes one order out of the budget of the account, or says how long to wait.
func (m *Manager) spend(ctx context.Context, now time.Time) (wait time.Duration, err error) {
	held, unlock, err := m.Store.Lock(ctx, ledger)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	s, err := m.readState(held, ledger)
	if err != nil {
		return 0, err
	}
	before := s.Spent
	s.Spent, wait = m.Policy.accountBudget().take(before, now)
	if s.Spent.Equal(before) {
		return wait, nil
	}
	return wait, m.writeState(held, ledger, s)
}

// failed takes note of a failure. One that comes of the end of the program, or of the
// loss of the lock, is none.
func (m *Manager) failed(ctx context.Context, e *entry, s State, leaf *x509.Certificate, cause error) error {
	live, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if errors.Is(ctx.Err(), context.Canceled) {
		return m.writeState(live, e.name, s)
	}
	var wait time.Duration
	if refused, ok := errors.AsType[*acme.Error](cause); ok {
		wait = refused.RetryAfter
	}
	s = m.Policy.Failed(s, cause.Error(), wait, m.now())
	m.mu.Lock()
	e.state, e.forceAt = s, m.Policy.retryAt(s, m.now())
	m.mu.Unlock()
	next := m.Policy.Next(s, m.now()).RenewAt
	m.tell(Event{Name: e.name, Kind: Failed, Leaf: leaf, Next: next, Err: cause})
	return m.writeState(live, e.name, s)
}

// issued stores what was issued, also if the program is to end.
func (m *Manager) issued(ctx context.Context, e *entry, old State, names []string, cert *acme.Certificate) error {
	now := m.now()
	s := State{
		CertID: certID(cert.Leaf), NotBefore: wall(cert.Leaf.NotBefore), NotAfter: wall(cert.Leaf.NotAfter),
		Names: names, Issued: wall(now), Spent: old.Spent,
	}
	s.AskAt = wall(now.Add(part(min(6*time.Hour, s.NotAfter.Sub(now)/20), fraction(s.CertID))))
	if old.ARI.CertID == old.CertID && now.Before(old.NotBefore.Add(m.Policy.fallback(old).Sub(old.NotBefore)/2)) {
		s.Early = old.Early + 1
	} else {
		s.Early = max(old.Early-1, 0) // not all at once: it may be early again
	}
	if !cert.Replaced {
		// With force, or where a replacement was not taken, it can be overdrawn.
		if spent, wait := m.Policy.namesBudget().take(s.Spent, now); wait == 0 {
			s.Spent = spent
		}
	}
	b := &Bundle{KeyPEM: cert.KeyPEM, ChainPEM: cert.ChainPEM}
	pair, err := b.TLS()
	if err != nil {
		return fmt.Errorf("renew: what was issued for %q: %w", e.name, err)
	}
	e.work.unsaved, e.work.newState, e.work.replaces, e.work.kind = b, s, old.CertID, Renewed
	if old.CertID == "" {
		e.work.kind = Issued
	}
	m.mu.Lock()
	e.state, e.force = s, false
	m.serve(e, normal(cert.Leaf.DNSNames), pair)
	m.mu.Unlock()
	return m.saveUnder(ctx, e)
}

// saveLate stores what could not be stored when it was issued, unless another was stored
// in the meantime: by a node that had the lock when we had lost it, or by hand.
func (m *Manager) saveLate(ctx context.Context, e *entry) (err error) {
	held, unlock, err := m.Store.Lock(ctx, e.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if b, err := m.Store.Load(held, e.name); err == nil && m.another(e, b) {
		e.work.unsaved = nil
		_, err := m.read(held, e)
		return err
	}
	if err := m.saveUnder(held, e); err != nil {
		return err
	}
	_, err = m.read(held, e)
	return err
}

// another says whether what is stored is neither ours nor what ours replaces, and good.
func (m *Manager) another(e *entry, b *Bundle) bool {
	leaf, err := b.Leaf()
	if err != nil {
		return false
	}
	if _, err := b.TLS(); err != nil {
		return false
	}
	m.mu.RLock()
	names := e.names
	m.mu.RUnlock()
	id := certID(leaf)
	return id != e.work.newState.CertID && id != e.work.replaces && covers(leaf, names)
}

// saveUnder stores what was issued, under the lock that ctx is of.
func (m *Manager) saveUnder(ctx context.Context, e *entry) error {
	live, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := m.Store.Commit(live, e.name, e.work.unsaved); err != nil {
		return err
	}
	if err := m.writeState(live, e.name, e.work.newState); err != nil {
		return err
	}
	b, s := e.work.unsaved, e.work.newState
	e.work.unsaved = nil
	leaf, err := b.Leaf()
	if err != nil {
		return err
	}
	m.tell(Event{Name: e.name, Kind: e.work.kind, Leaf: leaf, Next: m.Policy.Next(s, m.now()).RenewAt})
	return nil
}
