package renew

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
)

// look does what is to be done about a certificate, and returns when to look again.
func (m *Manager) look(ctx context.Context, e *entry) time.Time {
	ctx, cancel := context.WithTimeout(ctx, or(m.Timeout, 30*time.Minute))
	defer cancel()
	if !e.work.scanned {
		e.work.scanned = true
		if next, ok := m.scan(ctx, e); ok {
			return next
		}
	}
	hold, err := m.advance(ctx, e)
	now := m.now()
	if err != nil && (ctx.Err() == nil || e.work.unsaved != nil) {
		e.work.failures++
		hold = now.Add(storeWait(e.work.failures))
		m.mu.Lock()
		e.state.LastError = err.Error()
		m.mu.Unlock()
		m.tell(Event{Name: e.name, Kind: StoreFailed, Next: hold, Err: err})
		return hold
	}
	e.work.failures = 0
	m.mu.Lock()
	defer m.mu.Unlock()
	e.plan = m.Policy.Next(e.state, now)
	next := e.plan.Next
	if hold.After(next) {
		next = hold
	}
	if e.force {
		next = earliest(next, e.forceAt)
	}
	if err != nil && !next.After(now) {
		next = now.Add(time.Second) // the lock was another's all the time
	}
	recheck := or(m.Recheck, 6*time.Hour)
	return earliest(next, now.Add(recheck-part(recheck/2, chance())))
}

// storeWait is how long to wait for a store that fails: nothing is lost by trying.
func storeWait(failures int) time.Duration {
	return min(time.Second<<min(failures, 10), 5*time.Minute)
}

// advance does what the plan says. An error is of the store. What the authority
// refused is in the state. hold is when to go on, if a budget is used up.
func (m *Manager) advance(ctx context.Context, e *entry) (hold time.Time, err error) {
	if e.work.unsaved != nil {
		return time.Time{}, m.saveLate(ctx, e)
	}
	if _, err := m.read(ctx, e); err != nil {
		return time.Time{}, err
	}
	if plan, force := m.planOf(e); !plan.Renew && !plan.Ask && !force {
		return time.Time{}, nil
	}
	held, unlock, err := m.Store.Lock(ctx, e.name)
	if err != nil {
		return time.Time{}, err
	}
	defer func() {
		if uerr := unlock(); err == nil {
			err = uerr
		}
	}()
	leaf, err := m.read(held, e) // another may have been faster
	if err != nil {
		return time.Time{}, err
	}
	if plan, _ := m.planOf(e); plan.Ask && leaf != nil {
		if err := m.ask(held, e, leaf); err != nil {
			return time.Time{}, err
		}
	}
	if plan, force := m.planOf(e); plan.Renew || force {
		return m.renew(held, e, leaf, force)
	}
	return time.Time{}, nil
}

func (m *Manager) planOf(e *entry) (Plan, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	e.plan = m.Policy.Next(e.state, now)
	return e.plan, e.force && !e.forceAt.After(now)
}

// read takes over what the store has.
func (m *Manager) read(ctx context.Context, e *entry) (*x509.Certificate, error) {
	b, err := m.Store.Load(ctx, e.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s, err := m.readState(ctx, e.name)
	if err != nil {
		return nil, err
	}
	var leaf *x509.Certificate
	var pair *tls.Certificate
	if b != nil {
		// What can not be read is replaced, as if there was nothing.
		if leaf, err = b.Leaf(); err == nil && m.needs(e, certID(leaf)) {
			pair, err = b.TLS()
		}
		if err != nil {
			m.log().Warn("a stored certificate is of no use", "certificate", e.name, "err", err)
			leaf = nil
		}
	}
	m.takeOver(e, s, leaf, pair)
	return leaf, nil
}

// needs says whether the key has to be read: of a certificate that is new, or that is to
// be in memory and is not.
func (m *Manager) needs(e *entry, id string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return e.state.CertID != id || e.cert == nil && len(m.entries) <= keepAll
}

func (m *Manager) takeOver(e *entry, s State, leaf *x509.Certificate, pair *tls.Certificate) {
	m.mu.Lock()
	before, now := e.state.CertID, m.now()
	e.state = merge(s, leaf, e.names, now)
	m.calmDown(e, now)
	id := e.state.CertID
	if leaf != nil && pair != nil {
		if e.cert == nil && len(m.entries) > keepAll {
			pair = nil // no one needs it so far
		}
		m.serve(e, normal(leaf.DNSNames), pair)
	}
	next := m.Policy.Next(e.state, now).RenewAt
	m.mu.Unlock()
	if before != "" && id != "" && before != id {
		m.tell(Event{Name: e.name, Kind: Adopted, Leaf: leaf, Next: next})
	}
}

// readState is the zero State if there is none, or one that no one can read.
func (m *Manager) readState(ctx context.Context, name string) (State, error) {
	text, err := m.Store.LoadState(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	s, err := parseState(text)
	if err != nil {
		m.log().Warn("a stored state is of no use", "certificate", name, "err", err)
	}
	return s, nil
}

func (m *Manager) writeState(ctx context.Context, name string, s State) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("renew: write the state of %q: %w", name, err)
	}
	return m.Store.SaveState(ctx, name, text)
}

// merge is the stored state, made one of the certificate that there is.
func merge(s State, leaf *x509.Certificate, names []string, now time.Time) State {
	if leaf == nil {
		s.CertID, s.ARI, s.AskAt = "", Window{}, time.Time{}
		return s
	}
	if id := certID(leaf); s.CertID != id {
		// Put there by hand, or by one who ended before the state was saved.
		s = State{CertID: id, Issued: wall(leaf.NotBefore), Spent: s.Spent}
		s.AskAt = wall(now.Add(part(6*time.Hour, fraction(id))))
	}
	s.NotBefore, s.NotAfter = wall(leaf.NotBefore), wall(leaf.NotAfter)
	if s.Names != nil && !slices.Equal(s.Names, names) || s.Names == nil && !covers(leaf, names) {
		s.Stale = "other names are asked for"
	}
	return s
}

// covers says whether a certificate of unknown history has the names, as far as they
// can be compared.
func covers(leaf *x509.Certificate, names []string) bool {
	have := normal(leaf.DNSNames)
	for _, n := range names {
		ascii := !strings.ContainsFunc(n, func(r rune) bool { return r > 127 })
		if _, ok := slices.BinarySearch(have, n); ascii && !ok {
			return false
		}
	}
	return true
}

func certID(leaf *x509.Certificate) string {
	if id, err := acme.CertID(leaf); err == nil {
		return id
	}
	return fmt.Sprintf("%x", leaf.SerialNumber)
}

// ask asks the authority for its window.
func (m *Manager) ask(ctx context.Context, e *entry, leaf *x509.Certificate) error {
	info, err := m.Issuer.RenewalInfo(ctx, leaf)
	now := m.now()
	m.mu.Lock()
	ev := Event{Name: e.name, Kind: Scheduled, Leaf: leaf, Err: err}
	if err == nil {
		e.state = m.Policy.Answer(e.state, info, now)
	} else {
		ev.Kind = NoWindow
		e.state = m.Policy.NoAnswer(e.state, now)
	}
	s := e.state
	m.mu.Unlock()
	ev.Next = m.Policy.Next(s, now).RenewAt
	m.tell(ev)
	return m.writeState(ctx, e.name, s)
}
