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
	if _, wait := m.Policy.namesBudget().take(s.Spent, now); wait > 0 && !exempt {
		return m.hold(e, now.Add(wait), "the budget of certificates for these names is used up"), nil
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
	req.Replaces = leaf
	cert, err := m.Issuer.Obtain(ctx, req, m.Solver)
	if err != nil {
		return time.Time{}, m.failed(ctx, e, s, leaf, err)
	}
	m.mu.Lock()
	e.force = false
	m.mu.Unlock()
	return time.Time{}, m.issued(ctx, e, s, names, cert)
}

// hold notes why a certificate has to wait.
func (m *Manager) hold(e *entry, until time.Time, why string) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.state.LastError = why + ", until " + until.UTC().Format(time.RFC3339)
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
	s.Spent, wait = m.Policy.accountBudget().take(s.Spent, now)
	if wait > 0 {
		return wait, nil
	}
	return 0, m.writeState(held, ledger, s)
}

// failed takes note of a failure. One that comes of the end of the program is none.
func (m *Manager) failed(ctx context.Context, e *entry, s State, leaf *x509.Certificate, cause error) error {
	live, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return m.writeState(live, e.name, s)
	}
	var wait time.Duration
	if refused, ok := errors.AsType[*acme.Error](cause); ok {
		wait = refused.RetryAfter
	}
	s = m.Policy.Failed(s, cause.Error(), wait, m.now())
	m.mu.Lock()
	e.state, e.force = s, false
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
	s.AskAt = wall(now.Add(part(min(time.Hour, s.NotAfter.Sub(now)/100), fraction(s.CertID))))
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
	e.work.unsaved, e.work.newState = &Bundle{KeyPEM: cert.KeyPEM, ChainPEM: cert.ChainPEM}, s
	pair, err := e.work.unsaved.TLS()
	if err != nil {
		e.work.unsaved = nil
		return fmt.Errorf("renew: what was issued for %q: %w", e.name, err)
	}
	m.mu.Lock()
	first := e.state.CertID == ""
	e.state = s
	m.serve(e, cert.Leaf, pair)
	m.mu.Unlock()
	if err := m.saveUnder(ctx, e); err != nil {
		return err
	}
	kind := Renewed
	if first {
		kind = Issued
	}
	m.tell(Event{Name: e.name, Kind: kind, Leaf: cert.Leaf, Next: m.Policy.Next(s, now).RenewAt})
	return nil
}

// saveLate stores what could not be stored when it was issued.
func (m *Manager) saveLate(ctx context.Context, e *entry) (err error) {
	held, unlock, err := m.Store.Lock(ctx, e.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if b, err := m.Store.Load(held, e.name); err == nil {
		// Of two, the one that lives longer is kept.
		if leaf, err := b.Leaf(); err == nil && leaf.NotAfter.After(e.work.newState.NotAfter) {
			e.work.unsaved = nil
			_, err := m.read(held, e)
			return err
		}
	}
	if err := m.saveUnder(held, e); err != nil {
		return err
	}
	leaf, err := m.read(held, e)
	if err == nil {
		m.tell(Event{Name: e.name, Kind: Renewed, Leaf: leaf, Next: m.Policy.Next(e.work.newState, m.now()).RenewAt})
	}
	return err
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
	e.work.unsaved = nil
	return nil
}
