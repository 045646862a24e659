package account

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func (v session) public() Session {
	return Session{ID: v.ID, Name: v.Name, By: v.By, From: v.From, Created: v.Created, Used: v.Used, Expires: v.Expires}
}

// session finds one by its public name.
func (s *state) session(id string) *session {
	for _, v := range s.Sessions {
		if v.ID == id {
			return &v
		}
	}
	return nil
}

// Session is who the token of a session belongs to, and counts as its use. Its errors wrap
// [ErrExpired].
func (s *Store) Session(_ context.Context, token daemon.Secret, addr netip.Addr) (Identity, error) {
	now := s.state.Load()
	v, ok := now.Sessions[hashed(token.Reveal())]
	if !ok || token.Empty() {
		return Identity{}, ErrExpired
	}
	written := v.Used
	v.Used = s.lastUse(v.ID, v.Used)
	if !v.valid(time.Now(), s.o.Idle) {
		return Identity{}, ErrExpired
	}
	s.use(v.ID, written)
	return Identity{
		Name: v.Name, Role: now.People[v.Name].Role, By: audit.Session, ID: v.ID,
		From: addr, Write: true, Expires: v.Expires,
	}, nil
}

// Sessions are those of who, the latest first.
func (s *Store) Sessions(who Identity) []Session {
	var found []Session
	for _, v := range s.state.Load().Sessions {
		v.Used = s.lastUse(v.ID, v.Used)
		if v.Name == who.Name && v.valid(time.Now(), s.o.Idle) {
			found = append(found, v.public())
		}
	}
	slices.SortFunc(found, func(a, b Session) int { return b.Created.Compare(a.Created) })
	return found
}

// Logout ends the session of who.
func (s *Store) Logout(ctx context.Context, who Identity) error {
	return s.endOwn(ctx, who, "logout", who.ID, func(id string) bool { return id == who.ID })
}

// RevokeSession ends one session of who.
func (s *Store) RevokeSession(ctx context.Context, who Identity, id string) error {
	if v := s.state.Load().session(id); v == nil || v.Name != who.Name {
		return fmt.Errorf("session %q: %w", id, ErrUnknown)
	}
	return s.endOwn(ctx, who, "session.revoke", id, func(other string) bool { return other == id })
}

// RevokeSessions ends all sessions of who except the one that asks, and forgets their
// browsers.
func (s *Store) RevokeSessions(ctx context.Context, who Identity) error {
	return s.endOwn(ctx, who, "session.revoke", "all others", func(id string) bool { return id != who.ID })
}

func (s *Store) endOwn(ctx context.Context, who Identity, action, detail string, fn func(id string) bool) error {
	e := audit.Entry{Action: action, Detail: detail, Thing: who.Name, Owner: who.Name}
	if err := s.own(who); err != nil {
		return s.deny(ctx, who, e, err)
	}
	return s.act(ctx, who, e, func() error {
		return s.update(func(next *state) error {
			next.endSessions(who.Name, fn)
			if action == "session.revoke" {
				next.edit(who.Name, func(p *person) { p.Devices = nil })
			}
			return nil
		})
	})
}

// own reports whether who may change what is their own: in a session that there is.
func (s *Store) own(who Identity) error {
	v := s.state.Load().session(who.ID)
	switch {
	case who.By != audit.Session:
		return fmt.Errorf("%w: this needs a session, not a token", ErrForbidden)
	case v == nil || v.Name != who.Name:
		return ErrExpired
	}
	return nil
}

// fresh reports whether the session of who has just begun.
func (s *Store) fresh(who Identity) error {
	if err := s.own(who); err != nil {
		return err
	}
	if v := s.state.Load().session(who.ID); v == nil || time.Since(v.Created) > fresh {
		return fmt.Errorf("%w: %w", ErrInvalid, errStale)
	}
	return nil
}
