package renew

import (
	"context"
	"slices"
	"time"
)

// How a start with a great many certificates is spread, per certificate.
const (
	perLoad = 10 * time.Millisecond // between chains that are read
	perAsk  = 20 * time.Second      // between questions to the authority that are late
)

// With more certificates than this, only those are in memory that a handshake needed.
const keepAll = 1000

// scan takes over what the state of a certificate says, the first time that the
// certificate is looked at, so that a start with a great many of them need not read all
// the chains before the first that is due. The certificate itself is looked at soon. It
// returns false if there is more to do at once.
func (m *Manager) scan(ctx context.Context, e *entry) (next time.Time, ok bool) {
	s, err := m.readState(ctx, e.name)
	if err != nil || s.CertID == "" {
		return time.Time{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	plan := m.Policy.Next(s, now)
	if plan.Renew || e.force || !slices.Equal(s.Names, e.names) {
		return time.Time{}, false
	}
	e.state, e.plan = s, plan
	m.serve(e, e.names, nil)
	return earliest(plan.RenewAt, m.inTurn(e, now, perLoad)), true
}

// inTurn is a moment from now on that is another for each certificate, so that they come
// one after the other. m.mu is held.
func (m *Manager) inTurn(e *entry, now time.Time, each time.Duration) time.Time {
	all := min(time.Duration(len(m.entries))*each, 6*time.Hour)
	return now.Add(part(all, fraction(e.name)))
}

// calmDown has the authority asked in its turn about a certificate that it should have
// been asked about long ago: the program did not run, or the clock was set. All others
// are late too. m.mu is held.
func (m *Manager) calmDown(e *entry, now time.Time) {
	if e.state.CertID == "" {
		return
	}
	if now.Sub(e.state.AskAt) > time.Hour && !e.calm.After(e.state.AskAt) {
		e.calm = m.inTurn(e, now, perAsk)
	}
	if e.state.AskAt.Before(e.calm) {
		e.state.AskAt = e.calm
	}
}
