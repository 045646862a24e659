package account

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// TokenPrefix begins every token, so that those who look for leaks find them: a token
// matches hkp_[a-z2-7]{16}_[a-z2-7]{52}.
const TokenPrefix = "hkp_"

// The bounds of tokens.
const (
	usualLifetime = 90 * 24 * time.Hour
	mostLifetime  = 366 * 24 * time.Hour
	mostTokens    = 50
	mostLabel     = 100
)

// SplitToken is the public name of a token, if it has the form of one.
func SplitToken(text string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(text, TokenPrefix)
	id, secret, found := strings.Cut(rest, "_")
	if !ok || !found || len(id) != letters.EncodedLen(10) || len(secret) != letters.EncodedLen(secretSize) {
		return "", false
	}
	for _, part := range []string{id, secret} {
		if b, err := letters.DecodeString(part); err != nil || letters.EncodeToString(b) != part {
			return "", false
		}
	}
	return id, true
}

func (t token) public(id string) Token {
	return Token{ID: id, Label: t.Label, Scope: t.Scope, Created: t.Created, Expires: t.Expires, Used: t.Used}
}

// NewToken makes a token for a program of who. A lifetime of zero means 90 days; the most
// is 366. It needs a fresh session, or a token that may write: what that makes lasts no
// longer than itself.
func (s *Store) NewToken(ctx context.Context, who Identity, label string, scope Scope, lifetime time.Duration) (Token, error) {
	e := audit.Entry{Action: "token.new", Detail: string(scope), Thing: who.Name, Owner: who.Name}
	if err := s.mayMakeToken(who); err != nil {
		return Token{}, s.deny(ctx, who, e, err)
	}
	if lifetime == 0 {
		lifetime = usualLifetime
	}
	label = audit.Clean(label, mostLabel)
	switch {
	case scope != Read && scope != Write:
		return Token{}, fmt.Errorf("%w: the scope of a token is %s or %s", ErrInvalid, Read, Write)
	case lifetime < 0 || lifetime > mostLifetime:
		return Token{}, fmt.Errorf("%w: a token lasts up to %d days", ErrInvalid, mostLifetime/(24*time.Hour))
	case strings.TrimSpace(label) == "":
		return Token{}, fmt.Errorf("%w: say what the token is for", ErrInvalid)
	}
	id := newID()
	text := TokenPrefix + id + "_" + letters.EncodeToString(random(secretSize))
	now := time.Now().UTC().Round(0)
	made := token{Name: who.Name, Label: label, Scope: scope, Hash: hashed(text), Created: now, Expires: now.Add(lifetime)}
	if who.By == audit.Token && who.Expires.Before(made.Expires) {
		made.Expires = who.Expires
	}
	e.Detail = fmt.Sprintf("%s %s until %s", id, scope, made.Expires.Format(time.DateOnly))
	err := s.act(ctx, who, e, func() error {
		return s.update(func(next *state) error {
			if _, ok := next.People[who.Name]; !ok || len(next.tokens(who.Name)) >= mostTokens {
				return fmt.Errorf("%w: revoke some tokens first, there are %d at most", ErrInvalid, mostTokens)
			}
			next.Tokens[id] = made
			return nil
		})
	})
	public := made.public(id)
	if err == nil {
		public.Secret = daemon.NewSecret(text)
	}
	return public, err
}

func (s *Store) mayMakeToken(who Identity) error {
	switch {
	case who.By != audit.Token:
		return s.fresh(who)
	case !who.Write:
		return fmt.Errorf("%w: this token may only read", ErrForbidden)
	case s.left(who) <= 0:
		return ErrExpired
	}
	return nil
}

// tokens are the IDs of a person's.
func (s *state) tokens(name string) (ids []string) {
	for id, t := range s.Tokens {
		if t.Name == name {
			ids = append(ids, id)
		}
	}
	return ids
}

// Tokens are those of who, the latest first.
func (s *Store) Tokens(who Identity) []Token {
	now := s.state.Load()
	var found []Token
	for _, id := range now.tokens(who.Name) {
		t := now.Tokens[id]
		t.Used = s.lastUse(id, t.Used)
		if time.Now().Before(t.Expires) {
			found = append(found, t.public(id))
		}
	}
	slices.SortFunc(found, func(a, b Token) int { return b.Created.Compare(a.Created) })
	return found
}

// RevokeToken ends a token of who, in a session or by a token that may write or is the one.
func (s *Store) RevokeToken(ctx context.Context, who Identity, id string) error {
	e := audit.Entry{Action: "token.revoke", Detail: id, Thing: who.Name, Owner: who.Name}
	if s.left(who) <= 0 {
		return ErrExpired
	}
	if !who.Write && id != who.ID {
		return s.deny(ctx, who, e, fmt.Errorf("%w: this token may only read", ErrForbidden))
	}
	if t, ok := s.state.Load().Tokens[id]; !ok || t.Name != who.Name {
		return fmt.Errorf("token %q: %w", id, ErrUnknown)
	}
	return s.act(ctx, who, e, func() error {
		return s.update(func(next *state) error {
			delete(next.Tokens, id)
			return nil
		})
	})
}

// Token is who a token belongs to, and counts as its use. Its errors wrap [ErrExpired].
func (s *Store) Token(_ context.Context, secret daemon.Secret, addr netip.Addr) (Identity, error) {
	id, ok := SplitToken(secret.Reveal())
	now := s.state.Load()
	t, there := now.Tokens[id]
	if !ok || !there || subtle.ConstantTimeCompare([]byte(t.Hash), []byte(hashed(secret.Reveal()))) != 1 || !time.Now().Before(t.Expires) {
		return Identity{}, ErrExpired
	}
	s.use(id, t.Used)
	return Identity{
		Name: t.Name, Role: now.People[t.Name].Role, By: audit.Token, ID: id,
		From: addr, Write: t.Scope == Write, Expires: t.Expires,
	}, nil
}
