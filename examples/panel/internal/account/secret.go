package account

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

const (
	secretSize   = 32 // bytes: 256 bits
	mostName     = 64
	leastLetters = 12
	mostPassword = 1024
)

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// newSecret is one for a cookie, and its hash.
func newSecret() (daemon.Secret, string) {
	s := base64.RawURLEncoding.EncodeToString(random(secretSize))
	return daemon.NewSecret(s), hashed(s)
}

// hashed is the hash under which a random secret is kept. One that nobody can guess needs
// no salt and no cost.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// newID is a public name.
func newID() string { return letters.EncodeToString(random(10)) }

// checkName checks the name of a new account.
func checkName(name string) error {
	ok := name != "" && len(name) <= mostName && name[0] != '-' && name[0] != '.'
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_.", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("%w: a name has up to %d small letters, digits, and - _ . within", ErrInvalid, mostName)
	}
	return nil
}

// checkPassword checks a new password: length is what counts. The errors do not have it.
func checkPassword(name, password string) error {
	switch {
	case utf8.RuneCountInString(password) < leastLetters:
		return fmt.Errorf("%w: a password has %d characters at least: take some words", ErrInvalid, leastLetters)
	case len(password) > mostPassword:
		return fmt.Errorf("%w: a password has %d bytes at most", ErrInvalid, mostPassword)
	case strings.Contains(strings.ToLower(password), name):
		return fmt.Errorf("%w: a password does not have the name in it", ErrInvalid)
	case strings.Count(password, password[:1]) == len(password):
		return fmt.Errorf("%w: a password has more than one character", ErrInvalid)
	}
	return nil
}

// Wait is an error that wraps [ErrSlow] and says how long to wait.
type Wait struct{ For time.Duration }

// Error says it in words.
func (w *Wait) Error() string {
	return fmt.Sprintf("%v: wait %v, or use a passkey", ErrSlow, w.For.Round(time.Second)+time.Second)
}

// Unwrap returns [ErrSlow].
func (w *Wait) Unwrap() error { return ErrSlow }

// errStale is why a session that is not fresh makes no passkey or token.
var errStale = errors.New("log in again first: this outlives a session, so it needs a fresh one")
