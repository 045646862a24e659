package renew

import "time"

// Budget is how much may be done in a time: all of it at once, then as it refills.
type Budget struct {
	N   int
	Per time.Duration
}

// take spends one of the budget whose last state was spent: the time at which all of
// it is there again. It returns the new state, and how long to wait if there was none
// left. Then too it must be kept if it changed: it was by a clock that was wrong.
func (b Budget) take(spent, now time.Time) (time.Time, time.Duration) {
	one := b.Per / time.Duration(b.N)
	full := now.Add(b.Per)
	switch {
	case spent.Before(now):
		spent = now
	case spent.After(full):
		spent = full.Round(0).UTC() // by a clock that was wrong
	}
	next := spent.Add(one)
	if next.After(full) {
		return spent, next.Sub(full)
	}
	return next.Round(0).UTC(), 0 // not by the second: one may be less
}

func (p Policy) accountBudget() Budget { return orBudget(p.AccountBudget, Budget{300, 3 * time.Hour}) }
func (p Policy) namesBudget() Budget   { return orBudget(p.NamesBudget, Budget{5, 7 * day}) }

func orBudget(b, zero Budget) Budget {
	if b.N <= 0 || b.Per <= 0 {
		return zero
	}
	return b
}
