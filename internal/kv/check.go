package kv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// What a store takes. A value fits a request of etcd in its default configuration.
const (
	MaxKey   = 1024    // bytes of a key
	MaxValue = 1 << 20 // bytes of a value
)

// ErrInvalid is wrapped by errors about keys and values that no store takes.
var ErrInvalid = errors.New("not a valid key or value")

// ErrLockLost is why a context of a lock ends before it was unlocked, and why a write
// under it failed. It is an [fs.ErrExist] too: someone else was faster.
var ErrLockLost error = lockLost{}

type lockLost struct{}

func (lockLost) Error() string        { return "the lock was lost" }
func (lockLost) Is(target error) bool { return target == fs.ErrExist }

// CheckKey returns an error that wraps [ErrInvalid] for what is no key: one must have
// 1 to [MaxKey] bytes, and none of them NUL. All else is allowed.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("the empty key: %w", ErrInvalid)
	case len(key) > MaxKey:
		return fmt.Errorf("a key of %d bytes that begins %q: %w: make it %d at most", len(key), key[:32], ErrInvalid, MaxKey)
	case strings.Contains(key, "\x00"):
		return fmt.Errorf("key %q: %w: it has a NUL byte", key, ErrInvalid)
	}
	return nil
}

// CheckValue returns an error that wraps [ErrInvalid] for a value that is too long.
func CheckValue(val []byte) error {
	if len(val) > MaxValue {
		return fmt.Errorf("a value of %d bytes: %w: make it %d at most", len(val), ErrInvalid, MaxValue)
	}
	return nil
}

// Wrap makes an error of what was attempted on a key. The context's error is added if
// it has one, since some ways of waiting return others.
func Wrap(ctx context.Context, pkg, attempted, key string, err error) error {
	if err == nil {
		return nil
	}
	if c := ctx.Err(); c != nil && !errors.Is(err, c) {
		return fmt.Errorf("%s: %s %q: %w: %w", pkg, attempted, key, c, err)
	}
	return fmt.Errorf("%s: %s %q: %w", pkg, attempted, key, err)
}
