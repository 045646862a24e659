package account

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// Cost is what hashing a password costs.
type Cost struct {
	// Time is the number of passes, Memory in KiB, Threads the lanes.
	Time, Memory uint32
	Threads      uint8
}

// Store has the people.
type Store struct{ o Options }

// Open opens a store, or makes one.
func Open(o Options) (*Store, error) { return &Store{o}, nil }

// Attempt is a login by password.
type Attempt struct {
	Name     string
	Password daemon.Secret
	// Addr is where it comes from.
	Addr netip.Addr
	// Device is that of the browser's last session, if it has one.
	Device daemon.Secret
}

// Login makes a session for who knows the password. Its errors wrap ErrLogin, ErrSlow or ErrBusy.
func (s *Store) Login(ctx context.Context, a Attempt) (Session, error) {
	return Session{}, errors.ErrUnsupported
}

// Ceremony is one that a browser has begun.
type Ceremony struct {
	// ID goes back with the browser's response. It ends after five minutes or one use.
	ID string `json:"id"`
	// Options are for navigator.credentials.create or get.
	Options json.RawMessage `json:"options"`
}

// BeginPasskeyLogin begins a login by passkey.
func (s *Store) BeginPasskeyLogin(ctx context.Context, addr netip.Addr) (Ceremony, error) {
	return Ceremony{}, errors.ErrUnsupported
}

// PasskeyLogin makes a session for who has the passkey. Its errors wrap ErrLogin,
// ErrExpired, ErrClone or ErrSlow.
func (s *Store) PasskeyLogin(ctx context.Context, ceremony string, response json.RawMessage, addr netip.Addr) (Session, error) {
	return Session{}, errors.ErrUnsupported
}

// BeginPasskey begins the registration of a passkey.
func (s *Store) BeginPasskey(ctx context.Context, who Identity) (Ceremony, error) {
	return Ceremony{}, errors.ErrUnsupported
}

// AddPasskey ends it.
func (s *Store) AddPasskey(ctx context.Context, who Identity, ceremony, label string, response json.RawMessage) (Passkey, error) {
	return Passkey{}, errors.ErrUnsupported
}

// RemovePasskey removes one of who's own.
func (s *Store) RemovePasskey(ctx context.Context, who Identity, id string) error {
	return errors.ErrUnsupported
}

// Session is who the token of a session belongs to. Its errors wrap ErrExpired.
func (s *Store) Session(ctx context.Context, token daemon.Secret, addr netip.Addr) (Identity, error) {
	return Identity{}, errors.ErrUnsupported
}

// Logout ends the session of who.
func (s *Store) Logout(ctx context.Context, who Identity) error { return errors.ErrUnsupported }

// Sessions are those of who, the latest first.
func (s *Store) Sessions(who Identity) []Session { return nil }

// RevokeSession ends one session of who.
func (s *Store) RevokeSession(ctx context.Context, who Identity, id string) error {
	return errors.ErrUnsupported
}

// RevokeSessions ends all sessions of who except the one that asks.
func (s *Store) RevokeSessions(ctx context.Context, who Identity) error {
	return errors.ErrUnsupported
}

// Until returns a context that ends when the session or token of who does, too: for
// streams and consoles.
func (s *Store) Until(ctx context.Context, who Identity) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

// ChangePassword sets who's own password. It needs the old one unless there is none, ends
// every session of theirs and returns a new one.
func (s *Store) ChangePassword(ctx context.Context, who Identity, old, password daemon.Secret) (Session, error) {
	return Session{}, errors.ErrUnsupported
}

// NewToken makes a token for a program of who. A lifetime of zero means 90 days; the most is a year.
func (s *Store) NewToken(ctx context.Context, who Identity, label string, scope Scope, lifetime time.Duration) (Token, error) {
	return Token{}, errors.ErrUnsupported
}

// Tokens are those of who, the latest first.
func (s *Store) Tokens(who Identity) []Token { return nil }

// RevokeToken ends a token of who.
func (s *Store) RevokeToken(ctx context.Context, who Identity, id string) error {
	return errors.ErrUnsupported
}

// Token is who a token belongs to. Its errors wrap ErrExpired.
func (s *Store) Token(ctx context.Context, token daemon.Secret, addr netip.Addr) (Identity, error) {
	return Identity{}, errors.ErrUnsupported
}

// People are everybody, by name. It is for operators.
func (s *Store) People(who Identity) ([]Person, error) { return nil, errors.ErrUnsupported }

// Person is one: who themself, or for operators anybody.
func (s *Store) Person(who Identity, name string) (Person, error) {
	return Person{}, errors.ErrUnsupported
}

// Add makes an account. It is for operators, and for [System]. An empty password means that
// there is none.
func (s *Store) Add(ctx context.Context, by Identity, name string, role Role, password daemon.Secret) error {
	return errors.ErrUnsupported
}

// SetRole changes a person's role and ends their sessions. The last operator stays one.
func (s *Store) SetRole(ctx context.Context, by Identity, name string, role Role) error {
	return errors.ErrUnsupported
}

// SetPassword sets another's password and ends their sessions. It is for operators.
func (s *Store) SetPassword(ctx context.Context, by Identity, name string, password daemon.Secret) error {
	return errors.ErrUnsupported
}

// Remove removes an account with its sessions and tokens. The last operator stays.
func (s *Store) Remove(ctx context.Context, by Identity, name string) error {
	return errors.ErrUnsupported
}

// System is the identity of the panel itself, which makes the first operator.
func System() Identity { return Identity{Role: Operator, Write: true} }

// Close writes down what is not yet.
func (s *Store) Close() error { return nil }
