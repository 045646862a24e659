package account

import (
	"context"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// bounds are the contexts that end with a session or token.
type bounds struct {
	mu  sync.Mutex
	all map[*bound]bool // under mu
}

// bound is one. Its timer is under the lock of the bounds.
type bound struct {
	who   Identity
	end   context.CancelCauseFunc
	timer *time.Timer
}

// Until returns a context that ends when the session or token of who does, or their role
// changes: for streams and consoles. The cause is [ErrExpired].
func (s *Store) Until(ctx context.Context, who Identity) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	b := &bound{who: who, end: end}
	s.bounds.mu.Lock()
	defer s.bounds.mu.Unlock()
	if s.bounds.all == nil {
		s.bounds.all = map[*bound]bool{}
	}
	s.bounds.all[b] = true
	left := s.left(who)
	b.timer = time.AfterFunc(left, func() { s.bounds.tick(s, b) })
	if left <= 0 {
		s.bounds.drop(b, ErrExpired)
	}
	return ctx, func() {
		s.bounds.mu.Lock()
		defer s.bounds.mu.Unlock()
		s.bounds.drop(b, nil)
	}
}

// drop ends a context. mu is held.
func (bs *bounds) drop(b *bound, cause error) {
	b.timer.Stop()
	b.end(cause)
	delete(bs.all, b)
}

func (bs *bounds) tick(s *Store, b *bound) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if left := s.left(b.who); left > 0 {
		b.timer.Reset(left)
		return
	}
	bs.drop(b, ErrExpired)
}

// recheck ends the contexts of what there is no more.
func (bs *bounds) recheck(s *Store) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for b := range bs.all {
		if s.left(b.who) <= 0 {
			bs.drop(b, ErrExpired)
		}
	}
}

// left is how long the session or token of who still lasts if nobody uses it.
func (s *Store) left(who Identity) time.Duration {
	now := s.state.Load()
	switch who.By {
	case audit.System:
		return 1 << 62
	case audit.Token:
		t, ok := now.Tokens[who.ID]
		if !ok || t.Name != who.Name || now.People[t.Name].Role != who.Role {
			return 0
		}
		return time.Until(t.Expires)
	}
	v := now.session(who.ID)
	if v == nil || v.Name != who.Name || now.People[v.Name].Role != who.Role {
		return 0
	}
	return min(time.Until(v.Expires), time.Until(s.lastUse(v.ID, v.Used).Add(s.o.Idle)))
}
