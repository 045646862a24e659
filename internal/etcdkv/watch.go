package etcdkv

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// watch is one call of Watch.
type watch struct {
	s      *Store
	prefix string
	fn     func(key string, val []byte, rev int64)
	known  map[string]int64 // the revisions of keys that were reported and are there
	synced bool
}

// Watch implements [kv.Store]. It gets over the loss of members, of the leader, and
// compaction. It returns errors that waiting does not help against.
func (s *Store) Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error {
	w := &watch{s: s, prefix: prefix, fn: fn, known: make(map[string]int64)}
	until, cancel := s.until(ctx)
	defer cancel()
	return s.wrap(ctx, "watch", prefix, because(until, w.run(until)))
}

func (w *watch) run(ctx context.Context) error {
	for {
		rev, err := w.list(ctx)
		for err == nil {
			rev, err = w.follow(ctx, rev)
		}
		if !errors.Is(err, rpctypes.ErrCompacted) {
			return err
		}
	}
}

// list reports what differs from what was reported, and returns the revision that is the
// last known.
func (w *watch) list(ctx context.Context) (int64, error) {
	seen := make(map[string]bool)
	rev, err := w.s.pages(ctx, w.prefix, true, func(pairs []*mvccpb.KeyValue) error {
		for _, pair := range pairs {
			seen[string(pair.Key)] = true
			if err := w.put(ctx, pair); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for key := range w.known {
		if !seen[key] {
			if err := w.gone(ctx, key, rev); err != nil {
				return 0, err
			}
		}
	}
	if !w.synced {
		w.synced = true
		w.fn("", nil, 0)
	}
	return rev, ctx.Err()
}

func (w *watch) put(ctx context.Context, pair *mvccpb.KeyValue) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	key := string(pair.Key)
	if pair.ModRevision > w.known[key] {
		w.known[key] = pair.ModRevision
		w.fn(strings.TrimPrefix(key, w.s.prefix), value(pair), pair.ModRevision)
	}
	return nil
}

func (w *watch) gone(ctx context.Context, key string, rev int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(w.known, key)
	w.fn(strings.TrimPrefix(key, w.s.prefix), nil, rev)
	return nil
}

// follow reports changes after a revision. It returns the last that is known when the
// watch should begin anew, at another member perhaps.
func (w *watch) follow(ctx context.Context, rev int64) (int64, error) {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	from, to := w.s.bounds(w.prefix)
	for resp := range w.s.client.Watch(ctx, from, clientv3.WithRange(to), clientv3.WithRev(rev+1), clientv3.WithProgressNotify()) {
		if err := resp.Err(); err != nil {
			return rev, pause(ctx, err)
		}
		for _, event := range resp.Events {
			if err := w.event(ctx, event); err != nil {
				return rev, err
			}
		}
		rev = max(rev, resp.Header.Revision)
	}
	return rev, pause(ctx, ctx.Err())
}

func (w *watch) event(ctx context.Context, event *clientv3.Event) error {
	if event.Type == clientv3.EventTypeDelete {
		return w.gone(ctx, string(event.Kv.Key), event.Kv.ModRevision)
	}
	return w.put(ctx, event.Kv)
}

// again is the pause before a watch that ended begins anew.
const again = 200 * time.Millisecond

// pause waits if another try can help, else it returns the error.
func pause(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil, errors.Is(err, rpctypes.ErrNoLeader), errors.Is(err, rpctypes.ErrLeaderChanged), errors.Is(err, rpctypes.ErrStopped),
		errors.Is(err, rpctypes.ErrTimeoutDueToLeaderFail), errors.Is(err, rpctypes.ErrTimeoutDueToConnectionLost):
	default:
		return err
	}
	t := time.NewTimer(again)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
