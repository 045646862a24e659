package account

import (
	"errors"
	"log/slog"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// Errors of the package.
var (
	// ErrLogin is wrapped by errors of logins that failed. It does not say why: whether
	// there is such a person is no stranger's business.
	ErrLogin = errors.New("the name or the password is wrong")
	// ErrSlow is wrapped by errors of what was tried too often. See [Wait].
	ErrSlow = errors.New("too many tries")
	// ErrBusy is wrapped by errors of logins that waited too long for their turn.
	ErrBusy = errors.New("too many logins at once, try again in a moment")
	// ErrExpired is wrapped by errors about sessions, tokens and ceremonies that are over,
	// revoked or never were.
	ErrExpired = errors.New("not logged in")
	// ErrUnknown is wrapped by errors about people, passkeys, sessions and tokens that
	// there are not.
	ErrUnknown = errors.New("no such account or key")
	// ErrInvalid is wrapped by errors whose text says what to put right: a password that
	// is too short, a name that is taken.
	ErrInvalid = errors.New("not possible")
	// ErrClone is wrapped by errors of passkeys whose counter went back: there is a copy
	// of the authenticator. The passkey is blocked until it is registered anew.
	ErrClone = errors.New("this passkey may have been copied, register it anew")
	// ErrForbidden is wrapped by errors of what an identity may not do.
	ErrForbidden = errors.New("not allowed")
)

// Role is what a person may do.
type Role string

// The roles. A customer sees and touches what is theirs, an operator everything.
const (
	Customer Role = "customer"
	Operator Role = "operator"
)

// Options say how a store works. The zero value keeps everything in memory.
type Options struct {
	// File has everything, with mode 0600, and is replaced atomically. One process may
	// have it open. "" is memory alone.
	File string
	// Passkeys do the ceremonies. nil means that there are none.
	Passkeys Ceremonies
	// Hash are the costs of passwords. Zero means RFC 9106's second choice.
	Hash Cost
	// Hashers is how many passwords are hashed at once for browsers that nobody knows;
	// one more is kept for those that have logged in before. Zero means 2.
	Hashers int
	// Idle and Absolute are how long a session lasts without use, and at all. Zero means
	// 2 hours and 12 hours.
	Idle, Absolute time.Duration
	// Audit is told of everything. nil is not told.
	Audit *audit.Log
	// Log says what goes wrong. nil discards.
	Log *slog.Logger
}
