package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// Manager keeps zones signed. Its fields must not change once it is used.
type Manager struct {
	// Keys keeps private keys, Store all else that is remembered. Both are needed.
	Keys  dnssec.KeyStore
	Store Store
	// Zones keeps the zones published last. Nil keeps none: after a restart each zone
	// needs [Manager.SetZone], and is signed anew.
	Zones Zones
	// Publisher gets each new version of a zone; nil is nobody.
	Publisher Publisher
	// Parent is who has the DS of a zone. If it is nil or returns nil, the DS are
	// confirmed by [Manager.ConfirmDS].
	Parent func(zone string) Parent
	// Served says which serial each name server of a zone has. Nil means that what
	// was published is served everywhere at once.
	Served func(ctx context.Context, zone string) (map[string]uint32, error)
	// Review is asked before a publication; prev is the one before, nil if it is the
	// first. An error keeps the zone from being published.
	Review func(ctx context.Context, next, prev *dnssec.Zone) error
	// Now is the time; nil is [time.Now].
	Now func() time.Time
	// Log gets changes; nil discards. Events is called for each of them, one after
	// another for a zone; it must not call the manager.
	Log    *slog.Logger
	Events func(Event)
	// Signer has what is the same for all zones: Workers, and BatchECDSA.
	Signer dnssec.Signer

	// Prefix is that of keys in Store; empty means "dnssec/".
	Prefix string
	// Shards is into how many parts the zones are divided, each led by one process;
	// zero means 1. All processes must agree.
	Shards int
	// Workers is how many zones [Manager.Run] works on at once; zero means 4.
	Workers int
	// PollDS is how often the parent is asked while a DS is waited for, CheckDS how
	// often otherwise; zero means 10 minutes and 24 hours.
	PollDS, CheckDS time.Duration
	// PollServed is how often the name servers of a zone are asked while they have not
	// all got its last version; zero means a minute.
	PollServed time.Duration
	// Retry is how long until something that failed is tried again, at first; zero
	// means a minute. It doubles up to an hour.
	Retry time.Duration
	// MaxGap is how long nothing may have been heard of the clock before it is
	// distrusted; zero means 5 days. Settle is how long it must then run steadily;
	// zero means an hour.
	MaxGap, Settle time.Duration

	clock clock
	queue queue

	mu     sync.Mutex // guards all below
	zones  map[string]*zone
	shards []*shard
}

// zone is the zone of a name.
func (m *Manager) zone(name string) (*zone, error) {
	apex, err := dnssec.ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	if m.Keys == nil || m.Store == nil {
		return nil, errors.New("manager: Keys and Store are needed")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zones[apex.String()]
	if z == nil {
		z = &zone{name: apex.String(), apex: apex, work: make(chan struct{}, 1)}
		if m.zones == nil {
			m.zones = map[string]*zone{}
		}
		m.zones[z.name] = z
	}
	return z, nil
}

// shard is the part of a number.
func (m *Manager) shard(n int) *shard {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.shards) < max(m.Shards, 1) {
		m.shards = append(m.shards, newShard(fmt.Sprintf("%slead/%d", m.prefix(), len(m.shards))))
	}
	return m.shards[n]
}

// work calls fn alone with a zone, and as the leader of its shard. In a process that
// only follows it does nothing.
func (m *Manager) work(ctx context.Context, z *zone, fn func(ctx context.Context) error) error {
	work, done, err := m.shard(m.shardOf(z.name)).take(ctx, m.Store, false)
	if errors.Is(err, ErrFollower) {
		return nil
	}
	if err != nil {
		return err
	}
	defer done()
	if err := z.enter(work); err != nil {
		return fmt.Errorf("manager: %q: %w", z.name, err)
	}
	defer z.leave()
	return fn(work)
}
