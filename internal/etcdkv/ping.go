package etcdkv

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Ping asks whether etcd answers with a majority of its members: a watch waits for that
// and does not say so.
func (s *Store) Ping(ctx context.Context) error {
	req, cancel := s.request(ctx)
	defer cancel()
	// A read that is linearizable, of a key that the user may read and nobody has.
	_, err := s.client.Get(req, s.prefix+pingMark, clientv3.WithCountOnly())
	return s.wrap(ctx, "ask for", "", because(req, err))
}

// pingMark is no key of values or locks.
const pingMark = "\x00ping"
