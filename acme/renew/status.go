package renew

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Status is how a certificate is.
type Status struct {
	// Name is the certificate's.
	Name string
	// State and Plan are as the last look left them.
	State State
	Plan  Plan
	// Words is the same as a sentence for people.
	Words string
}

// Status is how the certificates are, by name.
func (m *Manager) Status() []Status {
	m.mu.RLock()
	defer m.mu.RUnlock()
	now := m.now()
	all := make([]Status, 0, len(m.entries))
	for _, e := range m.entries {
		all = append(all, Status{Name: e.name, State: e.state, Plan: e.plan, Words: words(e.state, e.plan, now)})
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func words(s State, p Plan, now time.Time) string {
	text := "there is no certificate"
	switch {
	case s.CertID == "":
	case now.After(s.NotAfter):
		text = "expired at " + when(s.NotAfter)
	default:
		text = "valid until " + when(s.NotAfter)
	}
	if p.Why != "" {
		at := "now"
		if p.RenewAt.After(now) {
			at = "at " + when(p.RenewAt)
		}
		text += fmt.Sprintf("; to be renewed %s: %s", at, p.Why)
	}
	switch {
	case s.LastError == "":
	case s.Failures == 0: // of the store, or of a budget
		text += "; " + s.LastError
	default:
		text += fmt.Sprintf("; %d failed, the last: %s", s.Failures, s.LastError)
	}
	return text
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }
