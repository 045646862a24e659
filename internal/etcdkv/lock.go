package etcdkv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// lockMark is what keys of locks begin with, behind the store's prefix. No other key has
// a NUL byte.
const lockMark = "\x00lock/"

// lock is one that this store holds or waits for.
type lock struct {
	s     *Store
	name  string
	lease clientv3.LeaseID
	ttl   time.Duration
	key   string
	rev   int64 // of the creation of key: it has the lock that has the lowest

	held     context.Context // the caller's, until the lock is lost
	alive    context.Context // ends with the lock, with the cause, whatever the caller's does
	lost     func(why error)
	ended    chan struct{} // closed when nobody keeps the lease alive any more
	once     sync.Once
	released error
}

// Lock implements [kv.Store]. Who waits is served in the order of asking.
func (s *Store) Lock(ctx context.Context, name string) (context.Context, func() error, error) {
	l, err := s.lock(ctx, name)
	if err != nil {
		return nil, nil, s.wrap(ctx, "lock", name, err)
	}
	return l.held, l.unlock, nil
}

func (s *Store) lock(ctx context.Context, name string) (*lock, error) {
	if err := kv.CheckKey(name); err != nil {
		return nil, err
	}
	for {
		l, err := s.enter(ctx, name)
		if err != nil {
			return nil, err
		}
		err = l.wait(ctx)
		if err == nil {
			return l, nil
		}
		_ = l.release(err) // else it runs out
		if !errors.Is(err, kv.ErrLockLost) {
			return nil, err
		}
	}
}

// enter queues up for a lock.
func (s *Store) enter(ctx context.Context, name string) (*lock, error) {
	sent := time.Now()
	req, cancel := s.request(ctx)
	defer cancel()
	lease, err := s.client.Grant(req, int64((s.ttl+time.Second-1)/time.Second))
	if err != nil {
		return nil, because(req, err)
	}
	l := &lock{
		s: s, name: name, lease: lease.ID, ttl: time.Duration(lease.TTL) * time.Second, ended: make(chan struct{}),
		key: fmt.Sprintf("%s%s%s\x00%016x", s.prefix, lockMark, name, int64(lease.ID)),
	}
	l.contexts(ctx)
	go l.keepAlive(sent)
	if err := s.remember(l); err != nil {
		return nil, errors.Join(err, l.release(err))
	}
	resp, err := s.client.Put(req, l.key, "", clientv3.WithLease(lease.ID))
	if err != nil {
		_ = l.release(err) // else it runs out
		return nil, because(req, err)
	}
	l.rev = resp.Header.Revision
	return l, nil
}

// contexts makes those of the lock, the holder's from ctx.
func (l *lock) contexts(ctx context.Context) {
	alive, end := context.WithCancelCause(context.Background())
	held, lose := context.WithCancelCause(kv.WithFence(ctx, l.s, l))
	l.alive, l.held = alive, held
	l.lost = func(why error) {
		end(why)
		lose(why)
	}
}

// remember makes Close release the lock.
func (s *Store) remember(l *lock) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks == nil {
		return fs.ErrClosed
	}
	s.locks[l] = struct{}{}
	return nil
}

// wait waits until nobody is before us.
func (l *lock) wait(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(l.alive, func() { cancel(context.Cause(l.alive)) })
	defer stop()
	for {
		before, rev, err := l.before(ctx)
		if err == nil && before == "" {
			return nil
		}
		if err == nil {
			err = l.gone(ctx, before, rev)
		}
		if err != nil {
			return because(ctx, err)
		}
	}
}

// before is the key of who is next before us, "" if nobody is, and the revision at which
// that was so.
func (l *lock) before(ctx context.Context) (string, int64, error) {
	prefix := l.s.prefix + lockMark + l.name + "\x00"
	ctx, cancel := l.s.request(ctx)
	defer cancel()
	resp, err := l.s.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly(),
		clientv3.WithMaxCreateRev(l.rev), clientv3.WithSort(clientv3.SortByCreateRevision, clientv3.SortDescend), clientv3.WithLimit(2))
	if err != nil {
		return "", 0, because(ctx, err)
	}
	if len(resp.Kvs) == 0 || resp.Kvs[0].CreateRevision != l.rev {
		return "", 0, kv.ErrLockLost
	}
	if len(resp.Kvs) == 1 {
		return "", 0, nil
	}
	return string(resp.Kvs[1].Key), resp.Header.Revision, nil
}

// gone waits until the key is deleted, or there is another reason to look.
func (l *lock) gone(ctx context.Context, key string, rev int64) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	for resp := range l.s.client.Watch(ctx, key, clientv3.WithRev(rev+1)) {
		if err := resp.Err(); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
			return pause(ctx, err)
		}
		for _, event := range resp.Events {
			if event.Type == clientv3.EventTypeDelete {
				return nil
			}
		}
	}
	return ctx.Err()
}

// keepAlive renews the lease until l ends. It gives up before etcd can.
func (l *lock) keepAlive(sent time.Time) {
	defer close(l.ended)
	for {
		good := sent.Add(l.ttl * 9 / 10) // clocks differ in speed, a little
		select {
		case <-l.alive.Done():
			return
		case <-time.After(min(l.ttl/3, time.Until(good))):
		}
		if time.Now().After(good) {
			l.lost(kv.ErrLockLost)
			return
		}
		now := time.Now()
		ctx, cancel := context.WithDeadline(l.alive, good)
		resp, err := l.s.client.KeepAliveOnce(ctx, l.lease)
		cancel()
		switch {
		case err == nil && resp.TTL > 0:
			sent = now
		case err == nil || errors.Is(err, rpctypes.ErrLeaseNotFound):
			l.lost(kv.ErrLockLost)
			return
		}
	}
}

func (l *lock) unlock() error {
	return l.s.wrap(context.Background(), "unlock", l.name, l.release(nil))
}

// release gives the lease back, and says if it was lost before. Why is for those who work
// under the lock. What is called first counts.
func (l *lock) release(why error) error {
	l.once.Do(func() {
		before := context.Cause(l.alive)
		if why == nil {
			l.lost(context.Canceled)
		} else {
			l.lost(why)
		}
		<-l.ended
		l.s.mu.Lock()
		delete(l.s.locks, l)
		l.s.mu.Unlock()
		// Also when the store is being closed, and when the caller's time is over.
		ctx, cancel := context.WithTimeout(context.Background(), l.s.timeout)
		defer cancel()
		_, err := l.s.client.Revoke(ctx, l.lease)
		switch {
		case before != nil:
			l.released = before
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			l.released = kv.ErrLockLost
		default:
			l.released = err
		}
	})
	return l.released
}

// fences is an error if a lock is known to be lost under which ctx's work is done.
func (s *Store) fences(ctx context.Context) error {
	for _, fence := range kv.Fences(ctx, s) {
		if l := fence.(*lock); errors.Is(context.Cause(l.alive), kv.ErrLockLost) {
			return kv.ErrLockLost
		}
	}
	return nil
}
