package manager

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"
)

// shard is a part of the zones, which one process leads at a time: the one that holds
// its lock. All who work in this process share that.
type shard struct {
	name string
	turn chan struct{} // holds a token while somebody waits for the lock

	mu   sync.Mutex // guards all below
	hold *hold      // nil while the lock is not held
	runs bool       // Run has it, or waits for it
	vote *vote      // the first one since Run began; nil if it did not
}

// hold is the lock, once it is held.
type hold struct {
	ctx    context.Context // ends when the lock is lost
	unlock func() error
	users  int // who work under it; guarded by the shard's mutex
}

// vote is the first election of a shard. Nobody is told that he follows; who has not won
// after a while does.
type vote struct {
	over chan struct{} // closed once it is decided
	end  func()        // closes that
	wait *time.Timer
}

// election is how long the first election may take before the process counts as one that
// follows.
const election = 5 * time.Second

func newVote() *vote {
	v := &vote{over: make(chan struct{})}
	v.end = sync.OnceFunc(func() { close(v.over) })
	v.wait = time.AfterFunc(election, v.end)
	return v
}

func newShard(name string) *shard { return &shard{name: name, turn: make(chan struct{}, 1)} }

// ErrFollower is for work that only the process that leads a zone does, in another.
var ErrFollower = errors.New("another process leads this zone")

// take waits until this process leads the shard, and returns a context that ends with
// that or with ctx, and a function to call when the work is done. Who only follows,
// while Run waits for the lock, gets ErrFollower.
func (s *shard) take(ctx context.Context, store Store, run bool) (context.Context, func(), error) {
	if h := s.share(); h != nil {
		work, done := s.under(ctx, h)
		return work, done, nil
	}
	if !run {
		if h, err := s.elected(ctx); err != nil {
			return nil, nil, err
		} else if h != nil {
			work, done := s.under(ctx, h)
			return work, done, nil
		}
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	h := s.share() // somebody may have been quicker
	if h == nil {
		var err error
		if h, err = s.lock(ctx, store); err != nil {
			return nil, nil, fmt.Errorf("manager: take the lock %q: %w", s.name, err)
		}
	}
	work, done := s.under(ctx, h)
	return work, done, nil
}

// lock takes the lock, which others may hold longer than ctx lasts.
func (s *shard) lock(ctx context.Context, store Store) (*hold, error) {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	held, unlock, err := store.Lock(base, s.name)
	if err != nil {
		stop()
		cancel()
		return nil, errors.Join(err, context.Cause(ctx))
	}
	h := &hold{ctx: held, users: 1, unlock: func() error { defer cancel(); return unlock() }}
	if !stop() { // ctx ended meanwhile, and base with it
		return nil, errors.Join(context.Cause(ctx), h.unlock())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = h
	if s.vote != nil {
		s.vote.end()
	}
	return h, nil
}

// elected waits for the election that Run has begun. Without one it returns nil; who lost
// it gets ErrFollower.
func (s *shard) elected(ctx context.Context) (*hold, error) {
	s.mu.Lock()
	vote := s.vote
	s.mu.Unlock()
	if vote == nil {
		return nil, nil
	}
	select {
	case <-vote.over:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if h := s.share(); h != nil {
		return h, nil
	}
	if s.follows() {
		return nil, ErrFollower
	}
	return nil, nil
}

// share joins those who work under the lock, if it is held.
func (s *shard) share() *hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hold == nil || s.hold.ctx.Err() != nil {
		return nil
	}
	s.hold.users++
	return s.hold
}

// follows says whether Run waits for the lock.
func (s *shard) follows() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs
}

// setRuns says whether Run has the lock or waits for it.
func (s *shard) setRuns(runs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = runs
	if runs {
		s.vote = newVote()
		return
	}
	s.vote.wait.Stop()
	s.vote.end()
	s.vote = nil
}

// under is a context of the lock that ends with ctx as well.
func (s *shard) under(ctx context.Context, h *hold) (context.Context, func()) {
	work, cancel := context.WithCancelCause(h.ctx)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return work, sync.OnceFunc(func() {
		stop()
		cancel(nil)
		s.leave(h)
	})
}

// leave gives the lock back if nobody else works under it.
func (s *shard) leave(h *hold) {
	s.mu.Lock()
	h.users--
	last := h.users == 0
	if last && s.hold == h {
		s.hold = nil
	}
	s.mu.Unlock()
	if last {
		_ = h.unlock() // what matters is that nothing is written under it any more
	}
}

// shardOf is the part that a zone belongs to.
func (m *Manager) shardOf(zone string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(zone))
	return int(h.Sum32() % uint32(max(m.Shards, 1)))
}
