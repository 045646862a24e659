package account

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
)

// Ceremony is one that a browser has begun.
type Ceremony struct {
	// ID goes back with the browser's response. It ends after five minutes or one use.
	ID string `json:"id"`
	// Options are for navigator.credentials.create or get.
	Options json.RawMessage `json:"options"`
}

const (
	ceremonyLasts  = 5 * time.Minute
	mostCeremonies = 10_000
	mostPasskeys   = 20
)

var errNoPasskeys = fmt.Errorf("%w: this panel has no passkeys", ErrInvalid)

// ceremonies are those that have begun.
type ceremonies struct {
	addr  limit.Buckets
	mu    sync.Mutex
	begun map[string]ceremony // under mu
}

type ceremony struct {
	// session is that of a registration. "" is a login.
	session string
	state   json.RawMessage
	expires time.Time
}

func (c *ceremonies) begin(v ceremony) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun == nil {
		c.begun = map[string]ceremony{}
	}
	now := time.Now()
	v.expires = now.Add(ceremonyLasts)
	if len(c.begun) >= mostCeremonies {
		for id, old := range c.begun {
			if now.After(old.expires) {
				delete(c.begun, id)
			}
		}
	}
	for id := range c.begun { // any: who has lost theirs begins anew
		if len(c.begun) < mostCeremonies {
			break
		}
		delete(c.begun, id)
	}
	id := newID() + newID()
	c.begun[id] = v
	return id
}

// end returns the state of a ceremony, once.
func (c *ceremonies) end(id, session string) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.begun[id]
	delete(c.begun, id)
	if !ok || v.session != session || time.Now().After(v.expires) {
		return nil, fmt.Errorf("this took too long, begin again: %w", ErrExpired)
	}
	return v.state, nil
}

// BeginPasskeyLogin begins a login by passkey. The browser says whose it is.
func (s *Store) BeginPasskeyLogin(_ context.Context, addr netip.Addr) (Ceremony, error) {
	if s.o.Passkeys == nil {
		return Ceremony{}, errNoPasskeys
	}
	host, _ := places(addr)
	if wait := s.begun.addr.Take(host); wait > 0 {
		return Ceremony{}, &Wait{wait}
	}
	options, state, err := s.o.Passkeys.BeginGet()
	if err != nil {
		return Ceremony{}, fmt.Errorf("account: begin a login by passkey: %w", err)
	}
	return Ceremony{s.begun.begin(ceremony{state: state}), options}, nil
}

// PasskeyLogin makes a session for who has the passkey. Its errors wrap [ErrLogin],
// [ErrExpired] or [ErrClone].
func (s *Store) PasskeyLogin(ctx context.Context, id string, response json.RawMessage, addr netip.Addr) (Session, error) {
	remembered, err := s.begun.end(id, "")
	if err != nil {
		return Session{}, err
	}
	var made Session
	who := Identity{By: audit.Passkey, From: addr}
	e := audit.Entry{Action: "login"}
	// One after the other, since each must see the counter of the one before.
	err = s.update(func(next *state) error {
		used, err := s.o.Passkeys.FinishGet(remembered, response, func(handle []byte) (h Holder, err error) {
			e.Thing, h, err = next.holder(handle)
			e.Owner = e.Thing
			return h, err
		})
		if err != nil {
			s.o.Log.Info("a login by passkey failed", "from", addr, "error", audit.Clean(err.Error(), 500))
			return s.deny(ctx, who, e, ErrLogin)
		}
		if used.Cloned {
			next.used(e.Thing, used)
			return nil
		}
		who.Name = e.Thing
		return s.act(ctx, who, e, func() error {
			next.used(who.Name, used)
			made = s.begin(next, who, "")
			return nil
		})
	})
	switch {
	case err == nil && made.ID == "":
		return Session{}, s.deny(ctx, who, e, ErrClone)
	case err != nil:
		return Session{}, err
	}
	return made, nil
}

var errHandle = errors.New("nobody has this handle")

// holder is who has a handle.
func (s *state) holder(handle []byte) (string, Holder, error) {
	for name, p := range s.People {
		if bytes.Equal(p.Handle, handle) {
			return name, p.holder(name), nil
		}
	}
	return "", Holder{}, errHandle
}

func (p person) holder(name string) Holder {
	h := Holder{Handle: p.Handle, Name: name}
	for _, k := range p.Passkeys {
		h.Credentials = append(h.Credentials, k.Credential)
	}
	return h
}

// used keeps a credential as it is after its use.
func (s *state) used(name string, c Credential) {
	s.edit(name, func(p *person) {
		for i := range p.Passkeys {
			if k := &p.Passkeys[i]; bytes.Equal(k.Credential.ID, c.ID) {
				k.Used, k.Credential = time.Now().UTC().Round(0), c
			}
		}
	})
}

// BeginPasskey begins the registration of a passkey, in a fresh session.
func (s *Store) BeginPasskey(ctx context.Context, who Identity) (Ceremony, error) {
	if s.o.Passkeys == nil {
		return Ceremony{}, errNoPasskeys
	}
	if err := s.fresh(who); err != nil {
		return Ceremony{}, s.deny(ctx, who, audit.Entry{Action: "passkey.add", Thing: who.Name, Owner: who.Name}, err)
	}
	options, state, err := s.o.Passkeys.BeginCreate(s.state.Load().People[who.Name].holder(who.Name))
	if err != nil {
		return Ceremony{}, fmt.Errorf("account: begin a passkey: %w", err)
	}
	return Ceremony{s.begun.begin(ceremony{session: who.ID, state: state}), options}, nil
}

// AddPasskey ends it. label is what the person calls the key.
func (s *Store) AddPasskey(ctx context.Context, who Identity, id, label string, response json.RawMessage) (Passkey, error) {
	remembered, err := s.begun.end(id, who.ID)
	if err != nil {
		return Passkey{}, err
	}
	e := audit.Entry{Action: "passkey.add", Thing: who.Name, Owner: who.Name}
	if err := s.own(who); err != nil {
		return Passkey{}, s.deny(ctx, who, e, err)
	}
	if label = audit.Clean(label, mostLabel); strings.TrimSpace(label) == "" {
		label = "passkey"
	}
	e.Detail = label
	var made passkey
	err = s.act(ctx, who, e, func() error {
		return s.update(func(next *state) error {
			p, ok := next.People[who.Name]
			if !ok || len(p.Passkeys) >= mostPasskeys {
				return fmt.Errorf("%w: remove a passkey first, there are %d at most", ErrInvalid, mostPasskeys)
			}
			credential, err := s.o.Passkeys.FinishCreate(p.holder(who.Name), remembered, response)
			if err != nil {
				return fmt.Errorf("%w: the browser's answer: %s", ErrInvalid, audit.Clean(err.Error(), 500))
			}
			if next.registered(credential.ID) {
				return fmt.Errorf("%w: this passkey is registered", ErrInvalid)
			}
			made = passkey{Label: label, Created: time.Now().UTC().Round(0), Credential: credential}
			next.edit(who.Name, func(p *person) { p.Passkeys = append(p.Passkeys, made) })
			return nil
		})
	})
	if err != nil {
		return Passkey{}, err
	}
	return made.public(), nil
}

// registered reports whether anybody has a credential.
func (s *state) registered(id []byte) bool {
	for _, p := range s.People {
		if slices.ContainsFunc(p.Passkeys, func(k passkey) bool { return bytes.Equal(k.Credential.ID, id) }) {
			return true
		}
	}
	return false
}

func (k passkey) public() Passkey {
	return Passkey{
		ID: hex.EncodeToString(k.Credential.ID), Label: k.Label, Created: k.Created, Used: k.Used,
		Cloned: k.Cloned, Synced: k.Synced,
	}
}

// RemovePasskey removes one of who's own, in a session.
func (s *Store) RemovePasskey(ctx context.Context, who Identity, id string) error {
	e := audit.Entry{Action: "passkey.remove", Thing: who.Name, Owner: who.Name}
	if err := s.own(who); err != nil {
		return s.deny(ctx, who, e, err)
	}
	for _, k := range s.state.Load().People[who.Name].Passkeys {
		if k.public().ID == id {
			e.Detail = k.Label
			return s.act(ctx, who, e, func() error {
				return s.update(func(next *state) error {
					next.edit(who.Name, func(p *person) {
						p.Passkeys = slices.DeleteFunc(p.Passkeys, func(k passkey) bool { return k.public().ID == id })
					})
					return nil
				})
			})
		}
	}
	return fmt.Errorf("passkey %q: %w", audit.Clean(id, 100), ErrUnknown)
}
