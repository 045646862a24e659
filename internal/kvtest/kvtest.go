package kvtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
)

// Store is what the suite tests.
type Store interface {
	kv.Store
	// Close may be called more than once.
	Close() error
}

// Opener opens the same store each time it is called, as several processes would. The
// suite closes what it opens.
type Opener func() (Store, error)

// Backend makes stores.
type Backend struct {
	// New makes an empty store.
	New func(t *testing.T) Opener
	// Shared says that all that an Opener returns is one: who closes it closes it for
	// all, and nothing is kept.
	Shared bool
	// Lose takes a lock from its holder, on the store that New made last, so that others
	// can have it. Nil leaves out the cases of locks that are lost.
	Lose func(t *testing.T, name string)
	// Patience is how long is waited for what must happen; zero means a minute.
	Patience time.Duration
}

// Case is one promise, or a few that belong together.
type Case struct {
	Name string
	Run  func(ctx context.Context, e Env) error
}

// Env is what a case works with. Its stores are empty at first.
type Env struct {
	// A and B are the same store opened twice.
	A, B   Store
	Open   Opener
	Shared bool
	// Lose is nil if there is no way.
	Lose func(name string)
}

// Cases are all.
func Cases() []Case {
	return []Case{
		{"a missing key", missing},
		{"create, replace, overwrite", swap},
		{"values are copies", copies},
		{"delete", remove},
		{"revisions grow over deletion", regrow},
		{"an empty value is a value", empty},
		{"odd keys", oddKeys},
		{"keys and values that are refused", refused},
		{"big values", big},
		{"list by prefix", listPrefix},
		{"list calls back", listCallback},
		{"list during writes", listDuringWrites},
		{"one of many creates", createRace},
		{"counting by compare and swap", countRace},
		{"locks exclude", lockExcludes},
		{"a lock and its context", lockContext},
		{"waiting for a lock is given up", lockGivenUp},
		{"locks of several names", lockNames},
		{"a lock that is lost", lockLost},
		{"watch", watch},
		{"watch calls back", watchCallback},
		{"watch has no gaps", watchGapless},
		{"a cancelled context", cancelled},
		{"a closed store", closed},
		{"a closed store lets its locks go", closedLock},
		{"what is kept", kept},
	}
}

// Test runs all cases, each on a new store.
func Test(t *testing.T, b Backend) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if err := RunCase(t, b, c); err != nil {
				t.Error(err)
			}
		})
	}
}

// RunCase runs a case on a new store and returns what is wrong with that.
func RunCase(t *testing.T, b Backend, c Case) error {
	t.Helper()
	patience := b.Patience
	if patience == 0 {
		patience = time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e := Env{Open: b.New(t), Shared: b.Shared}
	if b.Lose != nil {
		e.Lose = func(name string) { b.Lose(t, name) }
	}
	var err error
	if e.A, err = e.Open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer e.A.Close() // cases that care close it themselves
	if e.B, err = e.Open(); err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	defer e.B.Close()
	return c.Run(ctx, e)
}

// wantErr is an error unless err wraps want.
func wantErr(what string, err, want error) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("%s: error is %w, want one that is %w", what, orNone(err), want)
	}
	return nil
}

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

var errNone = errors.New("none")

// wantValue is an error unless the key has the value and revision. A nil value is a
// missing key, revision 0 any.
func wantValue(ctx context.Context, s kv.Store, key, val string, present bool, rev int64) error {
	got, gotRev, err := s.Get(ctx, key)
	if !present {
		return wantErr(fmt.Sprintf("get %.40q", key), err, fs.ErrNotExist)
	}
	switch {
	case err != nil:
		return err
	case got == nil || string(got) != val:
		return fmt.Errorf("get %.40q: %d bytes %.40q, want %d bytes %.40q", key, len(got), got, len(val), val)
	case rev != 0 && gotRev != rev:
		return fmt.Errorf("get %.40q: revision %d, want %d as Put returned", key, gotRev, rev)
	}
	return nil
}

// first returns the first that is an error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
