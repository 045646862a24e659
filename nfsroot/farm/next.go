package farm

import (
	"slices"
	"time"
)

// Policy decides what happens to a Pi by itself.
type Policy struct {
	// BootTimeout is how long after a swap, or a power cycle, a boot must be
	// seen. 0 means that there is no limit, and no rollback by itself.
	BootTimeout time.Duration
	// Cycles is how many power cycles are tried before a rollback. 0 means 1.
	Cycles int
	// Keep is how many confirmed generations before the current one are kept
	// to return to. 0 means 1, less than 0 means none.
	Keep int
	// PowerCycle: there is a way to cycle the power.
	PowerCycle bool
}

// Action is what is to be done for a Pi.
type Action int

// The actions.
const (
	Cycle    Action = iota + 1 // cycle its power
	Rollback                   // return to the generation before
	Collect                    // remove old generations
)

// String names the action.
func (a Action) String() string {
	switch a {
	case Cycle:
		return "cycle"
	case Rollback:
		return "rollback"
	case Collect:
		return "collect"
	}
	return "none"
}

// Next returns what is to be done for a Pi now, and when to ask again; the zero
// time means when its state changes. It is a function of its arguments alone.
//
// A Pi that may be running another generation than the one that is served is
// power cycled, at once and again after each BootTimeout. When that did not
// help, a generation that was never seen to boot is rolled back, once: the one
// before was seen to boot, so what is wrong then is not the root. Generations are
// collected when nothing is pending.
func Next(p Policy, s State, now time.Time) (actions []Action, wake time.Time) {
	if !s.Pending {
		if len(Collectable(p, s)) > 0 {
			actions = append(actions, Collect)
		}
		return actions, time.Time{}
	}
	stale := slices.ContainsFunc(s.InUse, func(id int) bool { return id != s.Current })
	if p.PowerCycle && stale && s.Cycles == 0 {
		return []Action{Cycle}, time.Time{}
	}
	if p.BootTimeout <= 0 || !stale {
		return nil, time.Time{}
	}
	since := s.Swapped
	if s.Cycled.After(since) {
		since = s.Cycled
	}
	deadline := since.Add(p.BootTimeout)
	if now.Before(deadline) {
		return nil, deadline
	}
	if p.PowerCycle && s.Cycles < max(p.Cycles, 1) {
		return []Action{Cycle}, time.Time{}
	}
	g, err := s.Generation(s.Current)
	if err == nil && g.Confirmed.IsZero() && s.Previous() != 0 {
		return []Action{Rollback}, time.Time{}
	}
	return nil, time.Time{}
}

// Collectable returns the generations that may be removed: a later one was
// confirmed, the Pi cannot be running them, and they are not among those that are
// kept to return to.
func Collectable(p Policy, s State) []int {
	keep := p.Keep
	if keep == 0 {
		keep = 1
	}
	var ids []int
	later := false
	for _, g := range slices.Backward(s.Generations) {
		good := !g.Confirmed.IsZero() && !g.Failed
		busy := g.ID == s.Current || slices.Contains(s.InUse, g.ID) || s.Swap != nil && s.Swap.To == g.ID
		switch {
		case busy || !later:
		case good && keep > 0:
			keep--
		default:
			ids = append(ids, g.ID)
		}
		later = later || good
	}
	return ids
}
