package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// SetZone gives a zone its contents, without signatures, or with some that do not
// matter. It is published before SetZone returns: signed if the zone is enabled, as it
// is if not. With an error the contents are kept and tried again by [Manager.Run],
// unless newer ones come. A process that follows another keeps them, and publishes
// nothing; if [Manager.Run] has only begun, SetZone and the other methods first wait for
// up to five seconds until this process leads.
//
// Records that the manager makes are taken out of the contents of an enabled zone, also
// after [Manager.Disable]: RRSIG, NSEC, NSEC3, NSEC3PARAM, CDS, CDNSKEY, and the DNSKEY of
// its own keys.
func (m *Manager) SetZone(ctx context.Context, unsigned *dnssec.Zone) error {
	z, err := m.zone(unsigned.Origin().String())
	if err != nil {
		return err
	}
	if err := z.enter(ctx); err != nil {
		return fmt.Errorf("manager: set the contents of %q: %w", z.name, err)
	}
	z.contents, z.dirty = unsigned, true
	z.leave()
	z.tell(func(v *view) { v.given = true })
	return m.work(ctx, z, func(ctx context.Context) error { return m.look(ctx, z) })
}

// Enable signs a zone from now on, by a policy. For one that is enabled it changes the
// policy; what has begun is finished safely. Without contents the zone waits for
// [Manager.SetZone]. An error that comes after the policy was stored says so, and is
// tried again by [Manager.Run].
func (m *Manager) Enable(ctx context.Context, zone string, p Policy) error {
	if err := p.Check(); err != nil {
		return fmt.Errorf("manager: enable %q: %w", zone, err)
	}
	err := m.ask(ctx, zone, "enable", Event{Kind: PolicySet}, func(r *record) error {
		r.Policy, r.Enabled = p, true
		return nil
	})
	if errors.Is(err, ErrContents) {
		return nil
	}
	return err
}

// Disable takes a zone back to unsigned: first the DS goes, and only when no cache can
// have it do keys and signatures go. [Manager.Enable] turns it around.
func (m *Manager) Disable(ctx context.Context, zone string) error {
	return m.ask(ctx, zone, "disable", Event{Kind: PolicySet, Text: "insecure"}, func(r *record) error {
		if !r.Enabled && r.last() == nil {
			return fs.ErrNotExist
		}
		r.Policy.Insecure = true
		return nil
	})
}

// Roll replaces the keys of a role.
func (m *Manager) Roll(ctx context.Context, zone string, roll rotate.Roll) error {
	return m.ask(ctx, zone, "roll", Event{Kind: Asked, Text: fmt.Sprintf("roll of the %v", roll.Role)}, func(r *record) (err error) {
		r.State, err = r.State.Roll(roll)
		return err
	})
}

// Abort turns the roll under way around. The policy begins no other before
// [Manager.Resume].
func (m *Manager) Abort(ctx context.Context, zone string) error {
	return m.ask(ctx, zone, "abort the roll of", Event{Kind: Asked, Text: "abort"}, func(r *record) (err error) {
		r.State, err = r.State.Abort()
		return err
	})
}

// Resume lets the policy begin rolls again after [Manager.Abort].
func (m *Manager) Resume(ctx context.Context, zone string) error {
	return m.ask(ctx, zone, "resume rolls of", Event{Kind: Asked, Text: "resume"}, func(r *record) error {
		if !r.Enabled {
			return fs.ErrNotExist
		}
		r.State = r.State.Resume()
		return nil
	})
}

// ConfirmDS says, for a parent that cannot be asked, that every name server of it has
// the DS of a key, or that none has. What servers answer counts more.
func (m *Manager) ConfirmDS(ctx context.Context, zone string, tag uint16, present bool) error {
	text := fmt.Sprintf("the parent has no DS with tag %d", tag)
	if present {
		text = fmt.Sprintf("the parent has the DS with tag %d", tag)
	}
	return m.ask(ctx, zone, "confirm a DS of", Event{Kind: Asked, Text: text}, func(r *record) error {
		for i := range r.State.Keys {
			if k := &r.State.Keys[i]; k.Tag == tag && len(k.Digests) > 0 {
				if r.Confirmed == nil {
					r.Confirmed = map[string]bool{}
				}
				r.Confirmed[k.ID] = present
				return nil
			}
		}
		return fmt.Errorf("%w: no key with a DS has tag %d", rotate.ErrNothing, tag)
	})
}

// Approve lets the steps be done that wait for it by [rotate.Policy].Manual, once. What
// does not wait yet when the zone is looked at next needs another approval.
func (m *Manager) Approve(ctx context.Context, name string) error {
	return m.ask(ctx, name, "approve steps of", Event{Kind: Asked, Text: "approve"}, func(r *record) error {
		if !r.Enabled {
			return fs.ErrNotExist
		}
		r.Approved = true
		return nil
	})
}

// Resign makes all signatures of a zone anew, now, whatever the clock was before.
func (m *Manager) Resign(ctx context.Context, name string) error {
	return m.ask(ctx, name, "sign all of", Event{Kind: Asked, Text: "sign all"}, func(r *record) error {
		if !r.Enabled {
			return fs.ErrNotExist
		}
		r.Resign = true
		return nil
	})
}

// Tick looks at a zone and does what is due, as [Manager.Run] does by itself. It asks
// the parent too. In a process that follows another it does nothing.
func (m *Manager) Tick(ctx context.Context, zone string) error {
	z, err := m.known(ctx, zone)
	if err != nil {
		return err
	}
	return m.work(ctx, z, func(ctx context.Context) error {
		z.askNext = m.now()
		return m.look(ctx, z)
	})
}

// ConfirmClock says that the clock is right, if it was distrusted.
func (m *Manager) ConfirmClock(context.Context) error {
	m.clock.confirm()
	m.queue.all(m.now())
	return nil
}

// ask changes the record of a zone, and does at once what follows if this process leads
// it. Who leads it otherwise sees the change.
func (m *Manager) ask(ctx context.Context, name, what string, e Event, fn func(*record) error) error {
	z, err := m.zone(name)
	if err != nil {
		return err
	}
	if err := z.enter(ctx); err != nil {
		return fmt.Errorf("manager: %s %q: %w", what, z.name, err)
	}
	_, _, err = m.change(ctx, z.name, fn)
	z.leave()
	if err != nil {
		return fmt.Errorf("manager: %s %q: %w", what, z.name, err)
	}
	m.event(z, e)
	return m.work(ctx, z, func(ctx context.Context) error { return m.look(ctx, z) })
}

// known is a zone that has contents or a record.
func (m *Manager) known(ctx context.Context, name string) (*zone, error) {
	z, err := m.zone(name)
	if err != nil {
		return nil, err
	}
	if _, _, err := m.load(ctx, z.name); err != nil {
		return nil, err
	}
	return z, nil
}
