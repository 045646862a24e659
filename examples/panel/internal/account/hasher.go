package account

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// hasher hashes few passwords at once. Those who are known have a lane of their own, so
// that strangers who fill theirs are in nobody's way.
type hasher struct {
	cost Cost
	// nobody is what the passwords of unknown names are compared with, so that they take
	// as long.
	nobody           passwordHash
	strangers, known lane
}

func newHasher(c Cost, strangers int) *hasher {
	return &hasher{
		cost:      c,
		nobody:    passwordHash{c, make([]byte, saltSize), make([]byte, hashSize)},
		strangers: lane{turns: make(chan struct{}, strangers)},
		known:     lane{turns: make(chan struct{}, 1)},
	}
}

// check reports whether a password is that of a hash, in the PHC format. "" is nobody's.
func (h *hasher) check(ctx context.Context, l *lane, stored, password string) (ok bool, err error) {
	hash := h.nobody
	if stored != "" {
		if hash, err = parseHash(stored); err != nil {
			return false, err
		}
	}
	err = l.do(ctx, func() { ok = hash.is(password) })
	return ok && stored != "", err
}

// make hashes a password.
func (h *hasher) make(ctx context.Context, l *lane, password string) (string, error) {
	var hash passwordHash
	err := l.do(ctx, func() { hash = h.cost.hash(password) })
	return hash.String(), err
}

// old reports whether a hash was made at another cost than those that are made now.
func (h *hasher) old(stored string) bool {
	hash, err := parseHash(stored)
	return err == nil && (hash.cost != h.cost || len(hash.salt) != saltSize || len(hash.key) != hashSize)
}

// lane lets few in at once, and few more wait.
type lane struct {
	turns   chan struct{}
	waiting atomic.Int32
}

const (
	mostWaiting = 50
	longestWait = 10 * time.Second
)

func (l *lane) do(ctx context.Context, fn func()) error {
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > mostWaiting+int32(cap(l.turns)) {
		return ErrBusy
	}
	patience := time.NewTimer(longestWait)
	defer patience.Stop()
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
		fn()
		return nil
	case <-patience.C:
		return ErrBusy
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
}
