package etcdkv

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// The size of a page of a list: as many values as make about pageBytes, going by the page
// before.
const (
	pageBytes = 2 << 20
	pageFirst = 64
	pageMax   = 5000
)

// bounds are the first key and the one after the last of those with the prefix. Keys that
// begin with NUL behind the store's own prefix are its locks.
func (s *Store) bounds(prefix string) (from, to string) {
	from = s.prefix + prefix
	to = clientv3.GetPrefixRangeEnd(from)
	if prefix == "" {
		from += "\x01"
	}
	return from, to
}

// pages calls fn for the pairs with the prefix, in order, and returns the revision that
// was listed. If etcd compacts that meanwhile, the rest is of a later one; with whole it
// is an error instead.
func (s *Store) pages(ctx context.Context, prefix string, whole bool, fn func([]*mvccpb.KeyValue) error) (int64, error) {
	from, to := s.bounds(prefix)
	limit, rev := int64(pageFirst), int64(0)
	for {
		resp, err := s.page(ctx, from, to, limit, rev)
		if errors.Is(err, rpctypes.ErrCompacted) && !whole {
			rev = 0
			continue
		}
		if err != nil {
			return 0, err
		}
		if rev == 0 {
			rev = resp.Header.Revision
		}
		if err := fn(resp.Kvs); err != nil {
			return 0, err
		}
		if !resp.More {
			return rev, nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
		limit = nextLimit(limit, resp.Kvs)
	}
}

func (s *Store) page(ctx context.Context, from, to string, limit, rev int64) (*clientv3.GetResponse, error) {
	ctx, cancel := s.request(ctx)
	defer cancel()
	resp, err := s.client.Get(ctx, from, clientv3.WithRange(to), clientv3.WithLimit(limit), clientv3.WithRev(rev))
	return resp, because(ctx, err)
}

func nextLimit(limit int64, pairs []*mvccpb.KeyValue) int64 {
	size := 1
	for _, pair := range pairs {
		size += len(pair.Key) + len(pair.Value)
	}
	return max(1, min(2*limit, limit*pageBytes/int64(size), pageMax))
}
