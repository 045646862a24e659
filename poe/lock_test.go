package poe_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

// Of many who cycle a port at once one does, and the others are told.
func TestOnePortAtATime(t *testing.T) {
	stores := map[string]func(t *testing.T) func() poe.Store{
		"memory": func(*testing.T) func() poe.Store {
			s := &poe.MemoryStore{}
			return func() poe.Store { return s }
		},
		"files": func(t *testing.T) func() poe.Store {
			dir := filepath.Join(t.TempDir(), "journal")
			return func() poe.Store { return &poe.FileStore{Dir: dir} }
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			synctest.Test(t, func(t *testing.T) {
				sw := poetest.New(2)
				var done, busy atomic.Int32
				var all sync.WaitGroup
				for range 5 {
					all.Go(func() {
						c := poe.Controller{Name: "sw1", Switch: sw, Journal: store()}
						_, err := c.Cycle(t.Context(), "1", why)
						switch {
						case err == nil:
							done.Add(1)
						case errors.Is(err, poe.ErrBusy):
							busy.Add(1)
						default:
							t.Error(err)
						}
					})
				}
				other := poe.Controller{Name: "sw1", Switch: sw, Journal: store()}
				_, err := other.Cycle(t.Context(), "2", why)
				require.NoError(t, err, "other ports are free")
				all.Wait()
				require.EqualValues(t, 1, done.Load())
				require.EqualValues(t, 4, busy.Load())
				require.Len(t, sw.Orders(), 4)
			})
		})
	}
}

// One who waits long enough has the port next.
func TestLockWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Policy.LockWait = time.Minute
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := l.Cycle(t.Context(), "1", why)
				require.NoError(t, err)
			})
		}
		all.Wait()
		orders := l.sw.Orders()
		require.Len(t, orders, 6)
		for i, c := range orders {
			require.Equal(t, i%2 == 1, c.On, "they do not mix")
		}
	})
}

func TestLockWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Policy.LockWait = time.Minute
		_, unlock, err := l.Journal.Lock(t.Context(), "port/sw1/1")
		require.NoError(t, err)
		defer func() { require.NoError(t, unlock()) }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = l.Cycle(ctx, "1", why)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, poe.ErrBusy)
		require.Empty(t, l.sw.Orders())
	})
}

// A lock that is lost while the port is off ends the cycle: another may be at it.
func TestLostLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Journal = leases{l.Journal, 3 * time.Second}
		res, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, errLease)
		require.True(t, res.Interrupted)
		require.Len(t, l.sw.Orders(), 1)
		l.Journal = l.Journal.(leases).Store
		l.onOrJournaled(t)
	})
}

var errLease = errors.New("lease expired")

// leases are locks that last for a time.
type leases struct {
	poe.Store
	last time.Duration
}

func (s leases) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	held, unlock, err := s.Store.Lock(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	held, lose := context.WithCancelCause(held)
	time.AfterFunc(s.last, func() { lose(errLease) })
	return held, unlock, nil
}

// A lock that comes too late is let go.
func TestLateLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(1)
		l.Journal = slowLocks{l.Journal}
		_, err := l.Cycle(t.Context(), "1", why)
		require.ErrorIs(t, err, poe.ErrBusy)
		require.Empty(t, l.sw.Orders())
		l.Journal = l.Journal.(slowLocks).Store
		_, err = l.Cycle(t.Context(), "1", why)
		require.NoError(t, err)
	})
}

// slowLocks does not notice that its context ends.
type slowLocks struct{ poe.Store }

func (s slowLocks) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	_, unlock, err := s.Store.Lock(ctx, name)
	wait(5 * time.Second)
	return ctx, unlock, err
}
