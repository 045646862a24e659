package account

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// System is the identity of the panel itself, which makes the first operator.
func System() Identity { return Identity{Role: Operator, By: audit.System, Write: true} }

// People are everybody, by name. It is for operators.
func (s *Store) People(who Identity) ([]Person, error) {
	if !s.operator(who) {
		return nil, ErrForbidden
	}
	now := s.state.Load()
	var found []Person
	for _, name := range slices.Sorted(maps.Keys(now.People)) {
		found = append(found, now.People[name].public(name))
	}
	return found, nil
}

// Person is one: who themself, or for operators anybody.
func (s *Store) Person(who Identity, name string) (Person, error) {
	p, ok := s.state.Load().People[name]
	if !ok || name != who.Name && !s.operator(who) {
		return Person{}, fmt.Errorf("account %q: %w", name, ErrUnknown)
	}
	return p.public(name), nil
}

func (p person) public(name string) Person {
	public := Person{Name: name, Role: p.Role, Password: p.Hash != "", Changed: p.Changed, Created: p.Created}
	for _, k := range p.Passkeys {
		public.Passkeys = append(public.Passkeys, k.public())
	}
	return public
}

// operator reports whether who is one, now.
func (s *Store) operator(who Identity) bool {
	if who.By == audit.System {
		return true
	}
	return who.Role == Operator && s.left(who) > 0
}

// Add makes an account. It is for operators, and for [System]. An empty password means that
// there is none: a passkey needs a login first, so set one.
func (s *Store) Add(ctx context.Context, by Identity, name string, role Role, password daemon.Secret) error {
	e := audit.Entry{Action: "account.add", Detail: string(role), Thing: name, Owner: name}
	if checkName(name) != nil {
		return checkName(name)
	}
	if role != Customer && role != Operator {
		return fmt.Errorf("%w: the role is %s or %s", ErrInvalid, Customer, Operator)
	}
	var hash string
	if !password.Empty() {
		var err error
		if hash, err = s.newHash(ctx, by, name, password); err != nil {
			return err
		}
	}
	return s.manage(ctx, by, e, func(next *state) error {
		if _, ok := next.People[name]; ok {
			return fmt.Errorf("%w: the name %q is taken", ErrInvalid, name)
		}
		now := time.Now().UTC().Round(0)
		p := person{Role: role, Created: now, Hash: hash, Handle: random(secretSize)}
		if hash != "" {
			p.Changed = now
		}
		next.People[name] = p
		return nil
	})
}

func (s *Store) newHash(ctx context.Context, by Identity, name string, password daemon.Secret) (string, error) {
	if !s.operator(by) {
		return "", nil // manage says why
	}
	if err := checkPassword(name, password.Reveal()); err != nil {
		return "", err
	}
	return s.hash.make(ctx, &s.hash.known, password.Reveal())
}

// SetRole changes a person's role and ends their sessions. The last operator stays one.
func (s *Store) SetRole(ctx context.Context, by Identity, name string, role Role) error {
	if role != Customer && role != Operator {
		return fmt.Errorf("%w: the role is %s or %s", ErrInvalid, Customer, Operator)
	}
	e := audit.Entry{Action: "account.role", Detail: string(role), Thing: name, Owner: name}
	return s.manage(ctx, by, e, func(next *state) error {
		if err := next.known(name); err != nil {
			return err
		}
		next.edit(name, func(p *person) { p.Role = role })
		next.endSessions(name, all)
		return next.operated()
	})
}

// SetPassword sets another's password and ends their sessions. It is for operators.
func (s *Store) SetPassword(ctx context.Context, by Identity, name string, password daemon.Secret) error {
	hash, err := s.newHash(ctx, by, name, password)
	if err != nil {
		return err
	}
	e := audit.Entry{Action: "account.password", Thing: name, Owner: name}
	return s.manage(ctx, by, e, func(next *state) error {
		if err := next.known(name); err != nil {
			return err
		}
		next.setHash(name, hash)
		return nil
	})
}

// EndSessions ends all sessions of another. It is for operators.
func (s *Store) EndSessions(ctx context.Context, by Identity, name string) error {
	e := audit.Entry{Action: "session.revoke", Detail: "all", Thing: name, Owner: name}
	return s.manage(ctx, by, e, func(next *state) error {
		if err := next.known(name); err != nil {
			return err
		}
		next.endSessions(name, all)
		return nil
	})
}

// Remove removes an account with its sessions and tokens. The last operator stays.
func (s *Store) Remove(ctx context.Context, by Identity, name string) error {
	e := audit.Entry{Action: "account.remove", Thing: name, Owner: name}
	return s.manage(ctx, by, e, func(next *state) error {
		if err := next.known(name); err != nil {
			return err
		}
		delete(next.People, name)
		next.endSessions(name, all)
		for _, id := range next.tokens(name) {
			delete(next.Tokens, id)
		}
		return next.operated()
	})
}

// manage changes the people, for operators in a session and the panel itself.
func (s *Store) manage(ctx context.Context, by Identity, e audit.Entry, fn func(next *state) error) error {
	if !s.operator(by) || by.By == audit.Token {
		e.Owner = ""
		return s.deny(ctx, by, e, fmt.Errorf("%w: this is for operators, in a session", ErrForbidden))
	}
	return s.act(ctx, by, e, func() error { return s.update(fn) })
}

func (s *state) known(name string) error {
	if _, ok := s.People[name]; !ok {
		return fmt.Errorf("account %q: %w", name, ErrUnknown)
	}
	return nil
}

// operated reports whether somebody is left to operate the panel.
func (s *state) operated() error {
	if s.operators() == 0 {
		return fmt.Errorf("%w: the last operator stays: make another first", ErrInvalid)
	}
	return nil
}
