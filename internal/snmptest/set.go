package snmptest

import (
	"slices"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Hook says what may be written, and what happens then. The zero Hook takes
// every value of the type that the object has, and stores it.
type Hook struct {
	// Check refuses values by a status other than NoError. It is called for all
	// variables of a request before any is stored.
	Check func(snmpx.OID, snmpx.Value) snmpx.Status
	// Commit does what writing does; nil is Agent.Set.
	Commit func(snmpx.OID, snmpx.Value) snmpx.Status
	// Create lets objects be written that do not exist yet, of any type that
	// Check does not refuse.
	Create bool
}

type hooked struct {
	prefix snmpx.OID
	hook   Hook
}

// Writable lets the object, and all below it, be written. The longest prefix
// counts, and the last hook of those with the same.
func (a *Agent) Writable(prefix snmpx.OID, h Hook) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hooks = slices.DeleteFunc(a.hooks, func(old hooked) bool { return old.prefix.Equal(prefix) })
	a.hooks = append(a.hooks, hooked{slices.Clone(prefix), h})
}

func (a *Agent) hook(o snmpx.OID) (h Hook, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	best := -1
	for _, candidate := range a.hooks {
		if len(candidate.prefix) > best && o.HasPrefix(candidate.prefix) {
			h, best = candidate.hook, len(candidate.prefix)
		}
	}
	return h, best >= 0
}

// OneOf is a Check for the numbers of an enumeration.
func OneOf(numbers ...int64) func(snmpx.OID, snmpx.Value) snmpx.Status {
	return func(_ snmpx.OID, v snmpx.Value) snmpx.Status {
		if v.Type != snmpx.TypeInteger {
			return snmpx.WrongType
		}
		if !slices.Contains(numbers, v.Int) {
			return snmpx.WrongValue
		}
		return snmpx.NoError
	}
}

// Length is a Check for strings of that many octets.
func Length(octets int) func(snmpx.OID, snmpx.Value) snmpx.Status {
	return func(_ snmpx.OID, v snmpx.Value) snmpx.Status {
		if v.Type != snmpx.TypeOctetString {
			return snmpx.WrongType
		}
		if len(v.Bytes) != octets {
			return snmpx.WrongLength
		}
		return snmpx.NoError
	}
}

// set writes the variables, all or none unless the faults say otherwise.
func (a *Agent) set(vars []snmpx.Var, f *Faults, mayWrite bool) (status snmpx.Status, index int) {
	if !mayWrite && len(vars) > 0 {
		return snmpx.NoAccess, 1
	}
	if f.tooMany(len(vars)) {
		return snmpx.TooBig, 0
	}
	if f.PartialSet {
		for i := range vars {
			if status, _ = a.setAll(vars[i:i+1], f); status != snmpx.NoError {
				return status, i + 1
			}
		}
		return snmpx.NoError, 0
	}
	return a.setAll(vars, f)
}

func (a *Agent) setAll(vars []snmpx.Var, f *Faults) (status snmpx.Status, index int) {
	for i, v := range vars {
		if status := a.check(v); status != snmpx.NoError {
			return status, i + 1
		}
	}
	if f.IgnoreSet {
		return snmpx.NoError, 0
	}
	before := make([]snmpx.Value, len(vars))
	for i, v := range vars {
		before[i] = a.Get(v.OID)
		if status := a.commit(v); status != snmpx.NoError {
			a.undo(vars[:i], before)
			return status, i + 1
		}
	}
	return snmpx.NoError, 0
}

// check follows the order of RFC 3416 section 4.2.5.
func (a *Agent) check(v snmpx.Var) snmpx.Status {
	h, ok := a.hook(v.OID)
	now := a.Get(v.OID)
	switch {
	case !ok:
		return snmpx.NotWritable
	case now.Present() && now.Type != v.Value.Type:
		return snmpx.WrongType
	case !now.Present() && !h.Create:
		return snmpx.NoCreation
	case h.Check != nil:
		return h.Check(v.OID, v.Value)
	}
	return snmpx.NoError
}

func (a *Agent) commit(v snmpx.Var) snmpx.Status {
	if h, _ := a.hook(v.OID); h.Commit != nil {
		return h.Commit(v.OID, v.Value)
	}
	a.Set(v.OID, v.Value)
	return snmpx.NoError
}

func (a *Agent) undo(vars []snmpx.Var, before []snmpx.Value) {
	for i, v := range slices.Backward(vars) {
		if before[i].Present() {
			a.Set(v.OID, before[i])
		} else {
			a.Delete(v.OID)
		}
	}
}
