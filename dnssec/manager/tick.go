package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// maxRounds is how many steps follow each other at once before others get their turn.
const maxRounds = 20

// look does all that is due for a zone, and says when the next look is. The caller has
// entered the zone and leads its shard.
func (m *Manager) look(ctx context.Context, z *zone) error {
	wake, err := m.tryLook(ctx, z)
	if errors.Is(err, fs.ErrExist) && ctx.Err() == nil { // somebody else changed the record
		z.forget()
		wake, err = m.tryLook(ctx, z)
	}
	m.outcome(z, err)
	if err != nil {
		wake = m.retryAt(z)
	}
	z.tell(func(v *view) { v.tick = wake })
	m.schedule(z, wake)
	return err
}

func (m *Manager) tryLook(ctx context.Context, z *zone) (time.Time, error) {
	if err := m.reconcile(ctx, z); err != nil {
		return time.Time{}, err
	}
	if !z.rec.Enabled {
		_, err := m.ifDue(ctx, z, nil, m.now())
		return time.Time{}, err
	}
	clock := m.clock.trust(ctx, m)
	if clock != nil && !z.resigns() {
		return time.Time{}, errors.Join(clock, m.republish(ctx, z))
	}
	ring, err := m.keys(ctx, z)
	if err != nil {
		return time.Time{}, errors.Join(err, m.republish(ctx, z))
	}
	if clock != nil { // and signatures are asked for in spite of it
		_, err := m.ifDue(ctx, z, ring, m.now())
		return time.Time{}, errors.Join(err, clock)
	}
	if !z.out { // nothing can be concluded before that
		if _, err := m.ifDue(ctx, z, ring, m.now()); err != nil {
			return time.Time{}, err
		}
	}
	return m.rounds(ctx, z, ring)
}

// reconcile reads what this process does not know, and finishes what was begun: the
// record, then the zone that was published last.
func (m *Manager) reconcile(ctx context.Context, z *zone) error {
	if err := m.refresh(ctx, z); err != nil {
		return err
	}
	if m.Zones != nil && (!z.loaded || z.behind()) {
		signed, err := m.Zones.Load(ctx, z.name)
		switch {
		case err == nil:
			if z.signed == nil || signed.Serial() != z.signed.Serial() {
				z.signed, z.verified, z.out, z.dirty = signed, nil, false, true
			}
		case errors.Is(err, fs.ErrNotExist):
		case ctx.Err() != nil:
			return err
		default:
			m.event(z, Event{Kind: Failed, Text: "the zone published last cannot be read, and all signatures are made anew", Err: err})
		}
		if err := z.consistent(); err != nil {
			return err
		}
		z.loaded = true
	}
	return m.finish(ctx, z)
}

// refresh reads the record, unless it is as this process wrote it.
func (m *Manager) refresh(ctx context.Context, z *zone) error {
	rec, rev, err := m.load(ctx, z.name)
	if errors.Is(err, fs.ErrNotExist) {
		rec, rev, err = &record{}, 0, nil
	}
	if err != nil {
		z.forget()
		return err
	}
	if z.rec == nil || rev != z.rev {
		staged, checked := z.staged, z.checked
		z.forget()
		z.rec, z.rev, z.dirty = rec, rev, true
		if last := rec.last(); staged != nil && last != nil && last.Last == staged.Serial() {
			z.staged, z.checked = staged, checked // its serial is still this process's
		}
	}
	return nil
}

// consistent refuses a record that is older than what was published by it.
func (z *zone) consistent() error {
	if z.signed == nil {
		return nil
	}
	last := z.rec.last()
	switch {
	case last == nil && len(z.signed.RRset(z.apex, dns.TypeDNSKEY)) > 0 && len(z.signed.RRset(z.apex, dns.TypeRRSIG)) > 0:
		return halted(z.name, fmt.Errorf("%w: there is none, and the zone published last is signed", ErrDamaged), "restore the record from a copy")
	case last != nil && after(z.signed.Serial(), last.Last):
		return halted(z.name, fmt.Errorf("%w: its serial is %d, and that of the zone published last is %d", ErrDamaged, last.Last, z.signed.Serial()),
			"restore a newer copy of the record")
	case last == nil:
		ttl := z.signed.TTLs()
		z.rec.publish(version{First: z.signed.Serial(), Last: z.signed.Serial(), MaxTTL: ttl.Max, NegativeTTL: ttl.Negative})
	}
	return nil
}

// rounds takes steps until there is nothing to do but wait.
func (m *Manager) rounds(ctx context.Context, z *zone, ring keyring) (time.Time, error) {
	seen, err := m.observe(ctx, z, m.now())
	if err != nil {
		return time.Time{}, err
	}
	if err := foreignDS(z, seen); err != nil {
		return time.Time{}, err
	}
	for range maxRounds {
		status, again, err := m.round(ctx, z, ring, seen)
		if err != nil {
			return time.Time{}, err
		}
		if !again {
			return m.wake(z, status), nil
		}
	}
	return m.now(), nil
}

// round takes a step and carries out what it asks for. Each part is done as often as a
// crash makes it: the state is stored before, and what it asks for is the same after.
func (m *Manager) round(ctx context.Context, z *zone, ring keyring, seen *rotate.DSFacts) (status rotate.Status, again bool, err error) {
	zoneFacts, gone, err := m.zoneFacts(ctx, z)
	if errors.Is(err, errStranger) { // no key moves; contents and signatures do
		_, failed := m.ifDue(ctx, z, ring, m.now())
		return status, false, errors.Join(fmt.Errorf("manager: %q: %w", z.name, err), failed)
	}
	if err != nil {
		return status, false, err
	}
	now := m.stepTime(z)
	facts := rotate.Facts{Zone: zoneFacts, DS: seen, NewKeys: z.fresh, ConfirmedDS: z.rec.Confirmed, Approved: z.rec.Approved}
	before := z.rec.State
	next, actions, status, err := rotate.Step(before, z.rec.keyPolicy(), facts, now)
	if err != nil {
		return status, false, fmt.Errorf("manager: %q: %w", z.name, err)
	}
	z.rec.State = next
	z.rec.Approved = z.rec.Approved && len(next.Pending) > 0 // which are part of the same step
	z.rec.Served = slices.Delete(z.rec.Served, 0, gone)
	asked, want := z.rec.note(before, actions, ring)
	z.rec.remember(ring)
	if err := m.commit(ctx, z); err != nil {
		return status, false, err
	}
	z.fresh = nil
	moved := m.tellMoves(z, before)
	if moved {
		m.stamp(ctx, z, ring)
	}
	if err := m.generate(ctx, z, ring, asked); err != nil {
		return status, false, err
	}
	changed, err := m.ifDue(ctx, z, ring, m.now())
	if err != nil {
		return status, false, err
	}
	if err := m.drop(ctx, z, ring); err != nil {
		return status, false, err
	}
	again = changed || len(asked) > 0 || len(next.Pending) != len(before.Pending)
	if !again {
		err = m.submit(ctx, z, want, now)
	}
	return status, again, err
}

// note adds to the record what the actions of a step leave to do.
func (r *record) note(before rotate.State, actions []rotate.Action, ring keyring) (asked []rotate.GenerateKey, want rotate.SetDS) {
	for _, a := range actions {
		switch a := a.(type) {
		case rotate.GenerateKey:
			asked = append(asked, a)
		case rotate.RejectKey:
			r.Drop = append(r.Drop, a.ID)
		case rotate.DropKey:
			r.Drop = append(r.Drop, a.ID)
			delete(r.Confirmed, a.ID)
		case rotate.SetDS:
			want = a
		}
	}
	if len(before.Pending) == 0 && len(asked) > 0 {
		r.Others = strangers(r, ring)
	}
	return asked, want
}

// ifDue signs and publishes the zone if there may be a reason to.
func (m *Manager) ifDue(ctx context.Context, z *zone, ring keyring, now time.Time) (bool, error) {
	if !z.due(z.rec.State.Publication(), now) {
		return false, m.finish(ctx, z)
	}
	return m.publish(ctx, z, ring, now)
}

// commit stores the record in the place of the one that was read.
func (m *Manager) commit(ctx context.Context, z *zone) error {
	rev, err := m.save(ctx, z.name, z.rec, z.rev)
	if err != nil {
		z.forget() // it may have been written or not
		return err
	}
	z.rev = rev
	z.tell(func(v *view) { v.rev = rev })
	return nil
}

// wake is when the zone is looked at again.
func (m *Manager) wake(z *zone, status rotate.Status) time.Time {
	var at time.Time
	earliest := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	now := m.now()
	earliest(status.NextAt)
	if z.rec.last().signed() {
		earliest(z.see().refresh)
	}
	if m.parent(z.name) != nil {
		if soon := now.Add(m.pollDS(z)); z.askNext.After(soon) {
			z.askNext = soon
		}
		earliest(z.askNext)
	}
	if m.Served != nil && slices.ContainsFunc(status.Blockers, func(b rotate.Blocker) bool { return b.Who == rotate.Publisher }) {
		earliest(now.Add(or(m.PollServed, pollServed)))
	}
	return at
}

// pollServed is how long until name servers that lag are asked again.
const pollServed = time.Minute
