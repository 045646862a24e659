package rotate

import (
	"fmt"
	"slices"
)

// Roll is a request to replace a key.
type Roll struct {
	Role Role
	// Emergency says that somebody else may have the private key. It is a roll
	// like any other, since a zone that turns bogus is down for certain; but it
	// begins even when rolls are held, all signatures are replaced at once, a
	// standby key takes over if there is one, and [Status] says until when
	// validators trust the old key.
	Emergency bool
}

// Roll returns the state with the request in it. The roll begins with the next step
// at which none of the same keys is under way. Without a key of the role the error
// is an [ErrNothing].
func (s State) Roll(r Roll) (State, error) {
	next := s.clone()
	active := next.keys(func(k *Key) bool { return k.Use == Active && k.Role == r.Role })
	if len(active) == 0 {
		return s, fmt.Errorf("rotate: roll %v: %w: the zone has no active %v", r.Role, ErrNothing, r.Role)
	}
	if r.Emergency {
		for _, k := range active {
			k.Compromised = true
		}
		return next, nil
	}
	if !slices.Contains(next.Rolls, r.Role) {
		next.Rolls = append(next.Rolls, r.Role)
	}
	return next, nil
}

// Abort returns the state with the rolls under way turned around: old keys stay and new
// ones go, as safely as they came. The policy begins no others until [State.Resume]. As soon as
// a record of an old key has begun to go, which in most rolls is when the DS or the
// signatures are swapped, the error is an [ErrTooLate]: the way on is the shorter one.
func (s State) Abort() (State, error) {
	next := s.clone()
	old := next.keys(func(k *Key) bool { return k.Use == Retired && len(next.successors(k)) > 0 })
	if len(old) == 0 && len(next.Pending) == 0 && len(next.Rolls) == 0 {
		return s, fmt.Errorf("rotate: abort: %w: no roll is under way", ErrNothing)
	}
	for _, k := range old {
		for _, kind := range k.Role.kinds() {
			if state := k.Record(kind).State; state != Omnipresent {
				return s, fmt.Errorf("rotate: abort: %w: %v of %v is %v already", ErrTooLate, kind, k, state)
			}
		}
	}
	for _, k := range old {
		for _, successor := range next.successors(k) {
			successor.Use = Retired
		}
		k.Use = Active
	}
	next.discardPending(s.Last)
	next.Rolls = nil
	next.Held = true
	return next, nil
}

func (s *State) successors(k *Key) []*Key {
	return s.keys(func(other *Key) bool { return other.Use == Active && slices.Contains(other.Replaces, k.ID) })
}

// Resume returns the state in which the policy may begin rolls again.
func (s State) Resume() State {
	next := s.clone()
	next.Held = false
	return next
}
