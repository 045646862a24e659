package rotate

import (
	"fmt"
	"slices"
	"time"
)

// plan decides which keys there are to be, and returns what is to be done for it.
func (s *State) plan(p Policy, f Facts, now time.Time) []Action {
	if s.Insecure {
		s.Rolls = nil
		s.discardPending(now)
		return s.admit(f)
	}
	if !f.wait {
		s.trimStandby(p)
	}
	if slices.ContainsFunc(s.Pending, func(r Request) bool { return !p.asksFor(r) }) {
		s.discardPending(now)
	}
	if len(s.Pending) == 0 && !f.wait {
		s.need(p, now)
	}
	actions := s.admit(f)
	s.commit(now)
	for _, r := range s.Pending {
		if r.Key == nil {
			actions = append(actions, GenerateKey{Request: r.Number, Role: r.Role, Algorithm: r.Algorithm})
		}
	}
	return actions
}

func (p Policy) asksFor(r Request) bool {
	return r.Algorithm == p.Algorithm && slices.Contains(p.Scheme.roles(), r.Role)
}

// need adds requests for keys, if it is time.
func (s *State) need(p Policy, now time.Time) {
	active := s.keys(func(k *Key) bool { return k.Use == Active })
	switch {
	case len(s.Keys) == 0 || len(active) > 0 && !p.satisfied(active) && s.stable() && !s.Held:
		var replaces []string
		for _, k := range active {
			replaces = append(replaces, k.ID)
		}
		for _, role := range p.Scheme.roles() {
			s.request(p, role, Active, replaces)
		}
		s.Rolls = nil
		return
	case !p.satisfied(active):
		return
	}
	for _, k := range active {
		if s.due(k, p, now) && s.quiet(k) && !s.promote(k) {
			s.request(p, k.Role, Active, []string{k.ID})
			s.begun(k.Role)
		}
	}
	if len(s.Pending) == 0 && !s.Held {
		s.needStandby(p, active)
	}
}

// begun forgets the request for a roll.
func (s *State) begun(role Role) {
	s.Rolls = slices.DeleteFunc(s.Rolls, func(r Role) bool { return r == role })
	if len(s.Rolls) == 0 {
		s.Rolls = nil
	}
}

// satisfied tells whether the keys are those of the scheme and algorithm.
func (p Policy) satisfied(active []*Key) bool {
	for _, role := range p.Scheme.roles() {
		if !slices.ContainsFunc(active, func(k *Key) bool { return k.Role == role }) {
			return false
		}
	}
	return !slices.ContainsFunc(active, func(k *Key) bool {
		return k.Algorithm != p.Algorithm || !slices.Contains(p.Scheme.roles(), k.Role)
	})
}

func (s *State) request(p Policy, role Role, use Use, replaces []string) {
	s.Requests++
	s.Pending = append(s.Pending, Request{
		Number: s.Requests, Role: role, Algorithm: p.Algorithm, Use: use, Replaces: replaces,
		DSFirst: role == KSK && len(replaces) == 1 && p.KSKMethod == DoubleDS && s.key(replaces[0]).Role == KSK,
	})
}

// stable tells whether nothing is under way.
func (s *State) stable() bool {
	return !s.any(func(k *Key) bool { return k.Use == Retired || !k.settled() })
}

// quiet tells whether no roll of the key's part is under way.
func (s *State) quiet(k *Key) bool {
	return k.settled() && !s.any(func(other *Key) bool {
		return other.Use == Retired &&
			(other.Role.signsKeys() && k.Role.signsKeys() || other.Role.signsZone() && k.Role.signsZone())
	})
}

func (s *State) due(k *Key, p Policy, now time.Time) bool {
	if k.Compromised || slices.Contains(s.Rolls, k.Role) {
		return true
	}
	end := p.endOfLife(k)
	return !s.Held && !end.IsZero() && !now.Before(end)
}

// endOfLife is when a roll of the key begins; zero if never.
func (p Policy) endOfLife(k *Key) time.Time {
	life := p.KSKLifetime
	if k.Role == ZSK {
		life = p.ZSKLifetime
	}
	if life == 0 {
		return time.Time{}
	}
	return k.Created.Add(life)
}

// promote lets a standby key take over from a KSK, if there is one.
func (s *State) promote(k *Key) bool {
	ready := s.keys(func(other *Key) bool {
		return other.Use == Standby && other.Algorithm == k.Algorithm && other.DS.State == Omnipresent && !other.Compromised
	})
	if len(ready) == 0 {
		return false
	}
	next := ready[0]
	next.Use, next.DSFirst, next.Replaces = Active, true, []string{k.ID}
	k.Use = Retired
	s.begun(k.Role)
	return true
}

// needStandby asks for one standby key at a time, once the zone is signed and at
// rest.
func (s *State) needStandby(p Policy, active []*Key) {
	have := len(s.keys(func(k *Key) bool { return k.Use == Standby }))
	for _, k := range active {
		if k.Role == KSK && have < p.StandbyKSK && s.quiet(k) {
			s.request(p, KSK, Standby, nil)
		}
	}
}

// trimStandby retires standby keys that the policy has no use for.
func (s *State) trimStandby(p Policy) {
	n := 0
	for _, k := range s.keys(func(k *Key) bool { return k.Use == Standby }) {
		n++
		if k.Algorithm != p.Algorithm || k.Compromised || n > p.StandbyKSK {
			k.Use = Retired
		}
	}
}

// admit takes keys that were generated, unless they cannot be used.
func (s *State) admit(f Facts) []Action {
	var actions []Action
	for _, key := range f.NewKeys {
		if s.knows(key.ID) {
			continue
		}
		i := slices.IndexFunc(s.Pending, func(r Request) bool { return r.Number == key.Request && r.Key == nil })
		why := "it was not asked for"
		if i >= 0 {
			why = s.objection(s.Pending[i], key)
		}
		if why != "" {
			actions = append(actions, RejectKey{ID: key.ID, Why: why})
			continue
		}
		key.Digests = slices.Clone(key.Digests)
		s.Pending[i].Key = &key
	}
	return actions
}

func (s *State) knows(id string) bool {
	return s.key(id) != nil || slices.ContainsFunc(s.Pending, func(r Request) bool { return r.Key != nil && r.Key.ID == id })
}

// objection says why a generated key cannot be used; "" if it can.
func (s *State) objection(r Request, key NewKey) string {
	if err := checkKey(key.ID, r.Role, r.Algorithm, key.Tag, key.Digests); err != nil {
		return err.Error()
	}
	for i := range s.Keys {
		if k := &s.Keys[i]; Collides(k.Tag, key.Tag) {
			return fmt.Sprintf("its tag %d collides with that of %v, now or after REVOKE", key.Tag, k)
		}
	}
	for _, other := range s.Pending {
		if other.Key != nil && Collides(other.Key.Tag, key.Tag) {
			return fmt.Sprintf("its tag %d collides with %d of another new key, now or after REVOKE", key.Tag, other.Key.Tag)
		}
	}
	return ""
}

// commit puts new keys to use once all that were asked for together are there.
func (s *State) commit(now time.Time) {
	if slices.ContainsFunc(s.Pending, func(r Request) bool { return r.Key == nil }) {
		return
	}
	for _, r := range s.Pending {
		s.Keys = append(s.Keys, r.asKey(r.Use, now))
	}
	for _, r := range s.Pending {
		for _, id := range r.Replaces {
			if old := s.key(id); old != nil {
				old.Use = Retired
			}
		}
	}
	s.Pending = nil
}

func (r Request) asKey(use Use, now time.Time) Key {
	return Key{
		ID: r.Key.ID, Role: r.Role, Algorithm: r.Algorithm, Tag: r.Key.Tag, Digests: r.Key.Digests,
		Created: now, Use: use, Replaces: r.Replaces, DSFirst: r.DSFirst,
	}
}

// discardPending forgets requests. Keys that were generated for them become retired
// ones, of which the next purge lets the caller delete the private parts.
func (s *State) discardPending(now time.Time) {
	for _, r := range s.Pending {
		if r.Key != nil {
			s.Keys = append(s.Keys, r.asKey(Retired, now))
		}
	}
	s.Pending = nil
}
