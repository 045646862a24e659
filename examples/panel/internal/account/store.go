package account

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/atomicfile"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
)

// Store has the people. Its methods may be called by many goroutines.
type Store struct {
	o      Options
	unlock func() error
	hash   *hasher
	tries  tries
	begun  ceremonies
	bounds bounds

	// writing makes changes take turns, which includes the disk. Who reads takes the
	// state as it is.
	writing sync.Mutex
	state   atomic.Pointer[state]

	// used is when sessions and tokens were used, since it was last written down.
	usedMu sync.Mutex
	used   map[string]time.Time
}

// How long things last.
const (
	usualIdle     = 2 * time.Hour
	usualAbsolute = 12 * time.Hour
	// usedEvery is how often the use of a session or token is written down.
	usedEvery = time.Minute
	// fresh is how old a session may be that makes what outlives it.
	fresh = 15 * time.Minute
)

// Open opens a store, or makes one. A file that is spoilt is an error, and stays as it is.
func Open(o Options) (*Store, error) {
	o.Hash = cmp.Or(o.Hash, usualCost)
	o.Hashers = cmp.Or(o.Hashers, 2)
	o.Idle, o.Absolute = cmp.Or(o.Idle, usualIdle), cmp.Or(o.Absolute, usualAbsolute)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	if err := o.Hash.check(); err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	if o.Audit == nil {
		var err error
		if o.Audit, err = audit.Open(audit.Options{}); err != nil {
			return nil, err
		}
	}
	s := &Store{o: o, unlock: func() error { return nil }, hash: newHasher(o.Hash, o.Hashers), used: map[string]time.Time{}}
	s.tries = newTries()
	s.begun.addr = limit.Buckets{Burst: 30, Every: 10 * time.Second}
	if o.File != "" {
		var err error
		if s.unlock, err = atomicfile.Lock(o.File + ".lock"); err != nil {
			return nil, fmt.Errorf("account: open %q: %w", o.File, err)
		}
	}
	first, err := load(o.File)
	if err != nil {
		_ = s.unlock() // nothing was written
		return nil, fmt.Errorf("account: open %q: %w", o.File, err)
	}
	s.state.Store(first)
	return s, nil
}

// Close writes down when sessions and tokens were used, and lets go of the file.
func (s *Store) Close() error {
	err := s.update(func(*state) error { return nil })
	if unlocked := s.unlock(); err == nil {
		err = unlocked
	}
	return err
}

// update changes a copy of the state, writes it down and makes it the state. If anything
// fails, the state is as it was.
func (s *Store) update(fn func(next *state) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	next := s.state.Load().clone()
	if err := fn(next); err != nil {
		return err
	}
	s.noteUse(next)
	next.sweep(time.Now(), s.o.Idle)
	if s.o.File != "" {
		data, err := json.MarshalIndent(next, "", "\t")
		if err == nil {
			err = atomicfile.Replace(s.o.File, data)
		}
		if err != nil {
			return fmt.Errorf("account: write %q: %w", s.o.File, err)
		}
	}
	s.state.Store(next)
	s.forgetUse(next)
	s.bounds.recheck(s)
	return nil
}

// noteUse copies when sessions and tokens were used.
func (s *Store) noteUse(next *state) {
	s.usedMu.Lock()
	defer s.usedMu.Unlock()
	for hash, v := range next.Sessions {
		if at, ok := s.used[v.ID]; ok {
			v.Used = at
			next.Sessions[hash] = v
		}
	}
	for id, v := range next.Tokens {
		if at, ok := s.used[id]; ok {
			v.Used = at
			next.Tokens[id] = v
		}
	}
}

// forgetUse forgets the use of what there is no more.
func (s *Store) forgetUse(now *state) {
	ids := map[string]bool{}
	for _, v := range now.Sessions {
		ids[v.ID] = true
	}
	s.usedMu.Lock()
	defer s.usedMu.Unlock()
	for id := range s.used {
		if _, ok := now.Tokens[id]; !ok && !ids[id] {
			delete(s.used, id)
		}
	}
}

// lastUse is when a session or token was used last.
func (s *Store) lastUse(id string, written time.Time) time.Time {
	s.usedMu.Lock()
	defer s.usedMu.Unlock()
	if at, ok := s.used[id]; ok {
		return at
	}
	return written
}

// use notes that a session or token is used, and writes it down if that is long ago.
func (s *Store) use(id string, written time.Time) {
	now := time.Now().UTC().Round(0)
	s.usedMu.Lock()
	s.used[id] = now
	s.usedMu.Unlock()
	if now.Sub(written) < usedEvery {
		return
	}
	if err := s.update(func(*state) error { return nil }); err != nil {
		// The session is good all the same.
		s.o.Log.Warn("when a session was used cannot be written down", "error", err)
	}
}

// act writes down what who is about to do to their own or another's account, does it, and
// writes down what became of it.
func (s *Store) act(ctx context.Context, who Identity, e audit.Entry, fn func() error) error {
	e.Actor, e.Kind = who.Actor(), "account"
	action, err := s.o.Audit.Begin(ctx, e)
	if err != nil {
		return err
	}
	return action.End(fn())
}

// deny writes down what who must not do, and returns why.
func (s *Store) deny(ctx context.Context, who Identity, e audit.Entry, why error) error {
	e.Actor, e.Kind = who.Actor(), "account"
	if err := s.o.Audit.Deny(ctx, e, why); err != nil {
		s.o.Log.Error("what was denied cannot be written down", "action", e.Action, "error", err)
	}
	return why
}
