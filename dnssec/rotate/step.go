package rotate

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Step takes in facts, decides what is due and returns the state after it, what is
// to be done about it, and what is waited for. It is deterministic, and changes none
// of its arguments. With an error (of [ErrPolicy], [ErrState], [ErrClock], or a
// [*RuleError]) nothing is to be done and the old state stays.
func Step(s State, p Policy, f Facts, now time.Time) (State, []Action, Status, error) {
	now = now.UTC().Round(0)
	if err := p.Check(); err != nil {
		return s, nil, Status{}, err
	}
	if err := s.check(); err != nil {
		return s, nil, Status{}, err
	}
	if now.Before(s.Last) {
		return s, nil, Status{}, &ClockError{Last: s.Last, Now: now}
	}
	p = p.withDefaults()
	next := s.clone()
	next.Last = now
	f.wait = p.Manual && !f.Approved
	if !f.wait {
		next.Insecure = p.Insecure
	}
	next.rememberTTLs(p, f, now)
	next.observe(p, f, now)
	before := next.holds()

	actions := next.plan(p, f, now)
	if err := next.advance(&f, now); err != nil {
		return s, nil, Status{}, err
	}
	after := next.holds()
	for rule := RuleDS; rule <= RuleSignatures; rule++ {
		if before[rule] && !after[rule] {
			return s, nil, Status{}, &RuleError{Rule: rule, Why: "all moves together would leave the zone without " + rule.String()}
		}
	}
	actions = append(actions, next.purge()...)
	actions = append(actions, next.publication(&f)...)
	return next, actions, next.status(p, &f, now), nil
}

func (s *State) rememberTTLs(p Policy, f Facts, now time.Time) {
	var zone ZoneFacts
	if f.Zone != nil {
		zone = *f.Zone
	}
	var ds time.Duration
	if f.DS != nil {
		ds = f.DS.TTL
	}
	t := &s.TTLs
	t.DNSKEY = remember(t.DNSKEY, max(p.DNSKEYTTL, zone.DNSKEYTTL), p.ZonePropagation, now)
	t.Negative = remember(t.Negative, max(p.NegativeTTL, zone.NegativeTTL), p.ZonePropagation, now)
	t.Zone = remember(t.Zone, max(p.MaxZoneTTL, zone.MaxTTL), p.ZonePropagation, now)
	t.DS = remember(t.DS, max(p.DSTTL, ds), p.ParentPropagation, now)
}

// observe compares each record with the facts. Uncertain states get to know since when
// they are confirmed. A certain state that the facts contradict becomes an
// uncertain one: somebody else changed something.
func (s *State) observe(p Policy, f Facts, now time.Time) {
	for i := range s.Keys {
		k := &s.Keys[i]
		for _, kind := range k.Role.kinds() {
			is := f.presence(k, kind)
			if is == unknown {
				continue
			}
			rec := k.Record(kind)
			confirmed := is == Everywhere && rec.State.ordered() || is == Nowhere && !rec.State.ordered()
			switch rec.State {
			case Rumoured, Unretentive:
				s.confirm(k, kind, confirmed, p, now)
			case Omnipresent, Hidden:
				if confirmed {
					continue
				}
				to := Unretentive
				if s.wants(k, kind) {
					to = Rumoured
				}
				*rec = Record{State: to, Since: now}
			}
		}
	}
}

func (s *State) confirm(k *Key, kind Kind, confirmed bool, p Policy, now time.Time) {
	rec := k.Record(kind)
	if !confirmed {
		rec.Seen, rec.Until = time.Time{}, time.Time{}
		return
	}
	if rec.Seen.IsZero() {
		rec.Seen = now
	}
	if until := rec.Seen.Add(s.dwell(kind, rec.State, p)); until.After(rec.Until) {
		rec.Until = until
	}
}

// dwell is how long after it was confirmed a record stays uncertain (RFC 7583
// section 3): until the last server has followed, and then until the last cache has
// forgotten.
func (s *State) dwell(kind Kind, state RecordState, p Policy) time.Duration {
	safety := p.PublishSafety
	if state == Unretentive {
		safety = p.RetireSafety
	}
	switch kind {
	case DSRecord:
		return p.ParentPropagation + longest(s.TTLs.DS) + safety
	case ZRRSIG:
		return p.ZonePropagation + longest(s.TTLs.Zone) + safety
	}
	ttl := longest(s.TTLs.DNSKEY)
	if !s.any(func(k *Key) bool { return k.DNSKEY.State == Omnipresent }) {
		ttl = max(ttl, longest(s.TTLs.Negative))
	}
	return p.ZonePropagation + ttl + safety
}

// advance moves records towards what is intended, until none can move.
func (s *State) advance(f *Facts, now time.Time) error {
	for moved := true; moved; {
		moved = false
		for i := range s.Keys {
			for _, kind := range s.Keys[i].Role.kinds() {
				ok, err := s.advanceRecord(&s.Keys[i], kind, f, now)
				if err != nil {
					return err
				}
				moved = moved || ok
			}
		}
	}
	return nil
}

func (s *State) advanceRecord(k *Key, kind Kind, f *Facts, now time.Time) (bool, error) {
	to, ok := s.heading(k, kind)
	if !ok || s.gate(k, kind, to, f, now) != "" {
		return false, nil
	}
	err := s.move(Move{Key: k.ID, Record: kind, To: to})
	if refused := (*RuleError)(nil); errors.As(err, &refused) && refused.Rule != 0 {
		return false, nil // another record has to move first
	} else if err != nil {
		return false, fmt.Errorf("rotate: %v of %v: %w", kind, k, err)
	}
	*k.Record(kind) = Record{State: to, Since: now}
	return true, nil
}

// heading is where a record is to go next.
func (s *State) heading(k *Key, kind Kind) (RecordState, bool) {
	state := k.Record(kind).State
	if s.wants(k, kind) {
		switch state {
		case Hidden, Unretentive:
			return Rumoured, true
		case Rumoured:
			return Omnipresent, true
		}
		return 0, false
	}
	switch state {
	case Rumoured, Omnipresent:
		return Unretentive, true
	case Unretentive:
		return Hidden, true
	}
	return 0, false
}

// purge forgets keys of which nothing is left.
func (s *State) purge() []Action {
	var actions []Action
	s.Keys = slices.DeleteFunc(s.Keys, func(k Key) bool {
		drop := k.gone() && (k.Use == Retired || s.Insecure)
		if drop {
			actions = append(actions, DropKey{ID: k.ID})
		}
		return drop
	})
	return actions
}
