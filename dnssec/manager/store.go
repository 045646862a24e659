package manager

import (
	"context"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// Store keeps the records of zones. dnssec/filestore has them in files, dnssec/etcdstore
// in etcd.
type Store interface {
	// Get returns [fs.ErrNotExist] for a missing key; rev grows with every change of
	// the key.
	Get(ctx context.Context, key string) (val []byte, rev int64, err error)
	// Put with ifRev < 0 always writes, with 0 creates, else replaces that revision;
	// [fs.ErrExist] when it lost.
	Put(ctx context.Context, key string, val []byte, ifRev int64) (rev int64, err error)
	// List calls fn for each key with the prefix.
	List(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64) error) error
	// Lock waits for the lock; held ends when it is lost.
	Lock(ctx context.Context, name string) (held context.Context, unlock func() error, err error)
	// Watch calls fn for every present key, then once with key "" (in sync), then for
	// each change; val nil is deleted.
	Watch(ctx context.Context, prefix string, fn func(key string, val []byte, rev int64)) error
}

// Parent is who has the DS of a zone. Package dnssec/parent has drivers.
type Parent interface {
	// Submit asks for DS to be added and removed, the first before the second. It is
	// called again until Observe has shown it.
	Submit(ctx context.Context, zone string, add, remove []rotate.DS) error
	// Observe asks every name server of the parent.
	Observe(ctx context.Context, zone string) (rotate.DSFacts, error)
}

// Publisher takes a zone to its name servers. It may get the same one again.
type Publisher interface {
	Publish(ctx context.Context, z *dnssec.Zone) error
}

// Zones keeps each zone as it was published last, so that its good signatures are used
// again after a restart.
type Zones interface {
	// Load returns [fs.ErrNotExist] for a zone that was never saved.
	Load(ctx context.Context, zone string) (*dnssec.Zone, error)
	Save(ctx context.Context, z *dnssec.Zone) error
}
