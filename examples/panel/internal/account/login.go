package account

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// Attempt is a login by password.
type Attempt struct {
	Name     string
	Password daemon.Secret
	// Addr is where it comes from.
	Addr netip.Addr
	// Device is that of the browser's last session, if it has one.
	Device daemon.Secret
}

// How much is kept of each person; the oldest go first.
const (
	mostSessions = 50
	mostDevices  = 20
)

// Login makes a session for who knows the password. Its errors wrap [ErrLogin], [ErrSlow]
// or [ErrBusy]. Unknown names, those without a password, and wrong passwords take the same
// work and give the same error. What people who are not known call themselves is not
// written down: it may be a password in the wrong field.
func (s *Store) Login(ctx context.Context, a Attempt) (Session, error) {
	p, known := s.state.Load().People[a.Name]
	browser := p.device(a.Device)
	given, wait := s.tries.take(a.Name, a.Addr, browser)
	if wait > 0 {
		return Session{}, &Wait{wait}
	}
	turns := &s.hash.strangers
	if browser != "" {
		turns = &s.hash.known
	}
	password := a.Password.Reveal()
	if len(password) > mostPassword {
		password = "" // nobody has it, and it is not hashed
	}
	ok, err := s.hash.check(ctx, turns, p.Hash, password)
	if err != nil {
		given.back()
		return Session{}, err
	}
	who := Identity{By: audit.Password, From: a.Addr}
	e := audit.Entry{Action: "login"}
	if known {
		e.Thing, e.Owner = a.Name, a.Name
	}
	if !ok {
		return Session{}, s.deny(ctx, who, e, ErrLogin)
	}
	given.back()
	renewed := p.Hash
	if s.hash.old(p.Hash) {
		if renewed, err = s.hash.make(ctx, turns, password); err != nil {
			renewed = p.Hash // at the next login
		}
	}
	who.Name = a.Name
	var made Session
	err = s.act(ctx, who, e, func() error {
		return s.update(func(next *state) error {
			now, ok := next.People[a.Name]
			if !ok || now.Hash != p.Hash {
				return ErrLogin // the password was changed meanwhile
			}
			next.edit(a.Name, func(p *person) { p.Hash = renewed })
			made = s.begin(next, who, browser)
			return nil
		})
	})
	return made, err
}

// device is the hash of a browser that has logged in before, or "".
func (p person) device(d daemon.Secret) string {
	hash := hashed(d.Reveal())
	if d.Empty() || !slices.ContainsFunc(p.Devices, func(d device) bool { return d.Hash == hash }) {
		return ""
	}
	return hash
}

// begin makes a session. The browser gets a new name as a device too; the old one goes.
func (s *Store) begin(next *state, who Identity, browser string) Session {
	now := time.Now().UTC().Round(0)
	secret, hash := newSecret()
	name, nameHash := newSecret()
	v := session{
		ID: newID(), Name: who.Name, By: who.By, From: who.From,
		Created: now, Used: now, Expires: now.Add(s.o.Absolute),
	}
	next.Sessions[hash] = v
	next.edit(who.Name, func(p *person) {
		p.Devices = slices.DeleteFunc(p.Devices, func(d device) bool { return d.Hash == browser })
		p.Devices = append(p.Devices, device{nameHash, now})
		p.Devices = p.Devices[max(0, len(p.Devices)-mostDevices):]
	})
	next.bound(who.Name)
	made := v.public()
	made.Token, made.Device = secret, name
	return made
}

// bound ends the oldest sessions of a person that has too many.
func (s *state) bound(name string) {
	var created []time.Time
	for _, v := range s.Sessions {
		if v.Name == name {
			created = append(created, v.Created)
		}
	}
	if len(created) <= mostSessions {
		return
	}
	slices.SortFunc(created, time.Time.Compare)
	oldest := created[len(created)-mostSessions]
	for hash, v := range s.Sessions {
		if v.Name == name && v.Created.Before(oldest) {
			delete(s.Sessions, hash)
		}
	}
}

// ChangePassword sets who's own password, in a session. It needs the old one unless there
// is none yet. It ends every session of theirs, that of the request too, and returns a new
// one. Tokens stay.
func (s *Store) ChangePassword(ctx context.Context, who Identity, old, password daemon.Secret) (Session, error) {
	e := audit.Entry{Action: "account.password", Thing: who.Name, Owner: who.Name}
	if err := s.own(who); err != nil {
		return Session{}, s.deny(ctx, who, e, err)
	}
	p := s.state.Load().People[who.Name]
	if err := s.knows(ctx, who, p, old); err != nil {
		if errors.Is(err, ErrSlow) || errors.Is(err, ErrBusy) {
			return Session{}, err
		}
		return Session{}, s.deny(ctx, who, e, err)
	}
	if err := checkPassword(who.Name, password.Reveal()); err != nil {
		return Session{}, err
	}
	hash, err := s.hash.make(ctx, &s.hash.known, password.Reveal())
	if err != nil {
		return Session{}, err
	}
	var made Session
	err = s.act(ctx, who, e, func() error {
		return s.update(func(next *state) error {
			if now, ok := next.People[who.Name]; !ok || now.Hash != p.Hash || next.session(who.ID) == nil {
				return ErrExpired
			}
			next.setHash(who.Name, hash)
			by := who
			by.By = audit.Password
			made = s.begin(next, by, "")
			return nil
		})
	})
	return made, err
}

// knows reports whether who is in a session knows the old password. Without one, the
// session must be fresh.
func (s *Store) knows(ctx context.Context, who Identity, p person, old daemon.Secret) error {
	if p.Hash == "" {
		return s.fresh(who)
	}
	given, wait := takeAll([]from{{s.tries.device, "session of " + who.Name}})
	if wait > 0 {
		return &Wait{wait}
	}
	ok, err := s.hash.check(ctx, &s.hash.known, p.Hash, old.Reveal())
	if err != nil {
		given.back()
		return err
	}
	if !ok {
		return ErrLogin
	}
	given.back()
	return nil
}

// setHash sets a password, and ends what the old one gave.
func (s *state) setHash(name, hash string) {
	s.edit(name, func(p *person) {
		p.Hash, p.Changed, p.Devices = hash, time.Now().UTC().Round(0), nil
	})
	s.endSessions(name, all)
}
