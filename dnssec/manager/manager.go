package manager

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
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
	// Signer has what is the same for all zones: Workers.
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
	// Retry is how long until something that failed is tried again, at first; zero
	// means a minute. It doubles up to an hour.
	Retry time.Duration
	// MaxGap is how long nothing may have been heard of the clock before it is
	// distrusted; zero means 5 days. Settle is how long it must then run steadily;
	// zero means an hour.
	MaxGap, Settle time.Duration
}

// SetZone gives a zone its contents, without signatures, or with some that do not
// matter. It is published before SetZone returns: signed if the zone is enabled, as it
// is if not. With an error the contents are kept and tried again by [Manager.Run],
// unless newer ones come.
func (m *Manager) SetZone(ctx context.Context, unsigned *dnssec.Zone) error {
	return errors.ErrUnsupported
}

// Enable signs a zone from now on, by a policy. For one that is enabled it changes the
// policy; what has begun is finished safely.
func (m *Manager) Enable(ctx context.Context, zone string, p Policy) error {
	return errors.ErrUnsupported
}

// Disable takes a zone back to unsigned: first the DS goes, and only when no cache can
// have it do keys and signatures go. [Manager.Enable] turns it around.
func (m *Manager) Disable(ctx context.Context, zone string) error { return errors.ErrUnsupported }

// Roll replaces the keys of a role.
func (m *Manager) Roll(ctx context.Context, zone string, r rotate.Roll) error {
	return errors.ErrUnsupported
}

// Abort turns the roll under way around. The policy begins no other before
// [Manager.Resume].
func (m *Manager) Abort(ctx context.Context, zone string) error { return errors.ErrUnsupported }

// Resume lets the policy begin rolls again after [Manager.Abort].
func (m *Manager) Resume(ctx context.Context, zone string) error { return errors.ErrUnsupported }

// Approve lets the steps be done that wait for it by [rotate.Policy].Manual.
func (m *Manager) Approve(ctx context.Context, zone string) error { return errors.ErrUnsupported }

// ConfirmDS says, for a parent that cannot be asked, that every name server of it has
// the DS of a key, or that none has. What servers answer counts more.
func (m *Manager) ConfirmDS(ctx context.Context, zone string, tag uint16, present bool) error {
	return errors.ErrUnsupported
}

// ConfirmClock says that the clock is right, if it was distrusted.
func (m *Manager) ConfirmClock(ctx context.Context) error { return errors.ErrUnsupported }

// Resign makes all signatures of a zone anew, now, whatever the clock was before.
func (m *Manager) Resign(ctx context.Context, zone string) error { return errors.ErrUnsupported }

// Status says where a zone is. It asks nobody. A zone that the manager does not know
// is an error that wraps [fs.ErrNotExist].
func (m *Manager) Status(ctx context.Context, zone string) (Status, error) {
	return Status{}, errors.ErrUnsupported
}

// List is the names of all zones, in order.
func (m *Manager) List(ctx context.Context) ([]string, error) { return nil, errors.ErrUnsupported }

// Tick looks at a zone and does what is due, as [Manager.Run] does by itself.
func (m *Manager) Tick(ctx context.Context, zone string) error { return errors.ErrUnsupported }

// Run does what is due for all zones that this process leads, until ctx ends.
func (m *Manager) Run(ctx context.Context) error { return errors.ErrUnsupported }
