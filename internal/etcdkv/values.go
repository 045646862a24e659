package etcdkv

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/kv"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Get implements [kv.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, int64, error) {
	val, rev, err := s.get(ctx, key)
	return val, rev, s.wrap(ctx, "get", key, err)
}

func (s *Store) get(ctx context.Context, key string) ([]byte, int64, error) {
	if err := kv.CheckKey(key); err != nil {
		return nil, 0, err
	}
	ctx, cancel := s.request(ctx)
	defer cancel()
	resp, err := s.client.Get(ctx, s.prefix+key)
	if err != nil {
		return nil, 0, because(ctx, err)
	}
	if len(resp.Kvs) == 0 {
		return nil, 0, fs.ErrNotExist
	}
	return value(resp.Kvs[0]), resp.Kvs[0].ModRevision, nil
}

// value is never nil.
func value(kv *mvccpb.KeyValue) []byte {
	if kv.Value == nil {
		return []byte{}
	}
	return kv.Value
}

// Put implements [kv.Store].
func (s *Store) Put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	rev, err := s.put(ctx, key, val, ifRev)
	return rev, s.wrap(ctx, "put", key, err)
}

func (s *Store) put(ctx context.Context, key string, val []byte, ifRev int64) (int64, error) {
	if err := kv.CheckKey(key); err != nil {
		return 0, err
	}
	if err := kv.CheckValue(val); err != nil {
		return 0, err
	}
	if err := s.fences(ctx); err != nil {
		return 0, err
	}
	resp, err := s.commit(ctx, s.prefix+key, val, ifRev)
	switch {
	case err != nil:
		return 0, err
	case resp.Succeeded && val == nil && resp.Responses[0].GetResponseDeleteRange().Deleted == 0:
		return 0, nil
	case resp.Succeeded:
		return resp.Header.Revision, nil
	}
	return 0, s.refused(ctx, resp, ifRev)
}

// commit changes the key if it has the revision and ctx's locks are held. If not, the
// answer says what there is: of the key, and of each lock.
func (s *Store) commit(ctx context.Context, key string, val []byte, ifRev int64) (*clientv3.TxnResponse, error) {
	var holds []clientv3.Cmp
	if ifRev >= 0 {
		holds = append(holds, clientv3.Compare(clientv3.ModRevision(key), "=", ifRev))
	}
	found := []clientv3.Op{clientv3.OpGet(key, clientv3.WithKeysOnly())}
	for _, fence := range kv.Fences(ctx, s) {
		l := fence.(*lock)
		holds = append(holds, clientv3.Compare(clientv3.CreateRevision(l.key), "=", l.rev))
		found = append(found, clientv3.OpGet(l.key))
	}
	then := clientv3.OpPut(key, string(val))
	if val == nil {
		then = clientv3.OpDelete(key)
	}
	ctx, cancel := s.request(ctx)
	defer cancel()
	resp, err := s.client.Txn(ctx).If(holds...).Then(then).Else(found...).Commit()
	return resp, because(ctx, err)
}

// refused says why a transaction was.
func (s *Store) refused(ctx context.Context, resp *clientv3.TxnResponse, ifRev int64) error {
	for i, fence := range kv.Fences(ctx, s) {
		l := fence.(*lock)
		if there := resp.Responses[i+1].GetResponseRange().Kvs; len(there) == 0 || there[0].CreateRevision != l.rev {
			l.lost(kv.ErrLockLost)
			return kv.ErrLockLost
		}
	}
	var found int64
	if there := resp.Responses[0].GetResponseRange().Kvs; len(there) > 0 {
		found = there[0].ModRevision
	}
	return fmt.Errorf("revision %d was expected and %d found: %w", ifRev, found, fs.ErrExist)
}

// List implements [kv.Store]. It lists what there was at one moment, unless etcd compacts
// that meanwhile.
func (s *Store) List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error {
	var stopped error
	_, err := s.pages(ctx, prefix, false, func(pairs []*mvccpb.KeyValue) error {
		for _, pair := range pairs {
			key := strings.TrimPrefix(string(pair.Key), s.prefix)
			if stopped = fn(key, value(pair), pair.ModRevision); stopped != nil {
				return stopped
			}
		}
		return nil
	})
	if stopped != nil {
		return stopped
	}
	return s.wrap(ctx, "list", prefix, err)
}
