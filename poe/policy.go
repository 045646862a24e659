package poe

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Policy is what a [Controller] permits, and how long it waits. The zero value
// is a careful one.
type Policy struct {
	// Protected are ports that are never switched off: those of up-links,
	// access points, the machine that this program runs on. Each is a port's
	// name, index or alias; case does not matter.
	Protected []string
	// Guard, if not nil, is asked before a port is switched off. Its error
	// keeps the port on and should wrap ErrProtected.
	Guard func(ctx context.Context, port PortStatus) error

	// MinOff is how long a cycle leaves the port without power, from when that
	// was verified. 0 means 5 seconds, which empties the capacitors of a Pi and
	// its PoE hat; negative means not at all.
	MinOff time.Duration
	// OffDeadline is how long a port that was switched off may go on giving
	// power. 0 means 15 seconds.
	OffDeadline time.Duration
	// OnDeadline is how long a port that was switched on may take until it
	// gives power. 0 means 15 seconds.
	OnDeadline time.Duration
	// Poll is how often the port is looked at meanwhile. 0 means 250 ms.
	Poll time.Duration
	// Settle is how long an order whose answer was lost may still be on its
	// way: so long no opposite order counts as done. 0 means 2 seconds.
	Settle time.Duration
	// LockWait is how long to wait for somebody else who switches the port.
	// 0 means 2 seconds.
	LockWait time.Duration

	// MaxCycles is how often a port may be switched off, by Off or Cycle,
	// within Window. 0 means 6, negative means without limit.
	MaxCycles int
	// Window is over what time MaxCycles counts. 0 means one hour.
	Window time.Duration
	// Lockout is how long a port over the limit is refused at least. 0 means
	// until Window permits it again.
	Lockout time.Duration

	// WhenOff says what Cycle does with a port that is off.
	WhenOff WhenOff
}

// WhenOff is what [Controller.Cycle] does with a port that is off already. A port
// that an interrupted cycle left off does not count as such: it is cycled.
type WhenOff uint8

// What there is to do.
const (
	WhenOffRefuse WhenOff = iota // ErrOff: who switched it off had a reason
	WhenOffTurnOn                // switch it on
)

func (p Policy) withDefaults() Policy {
	orElse := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	if p.MinOff == 0 {
		p.MinOff = 5 * time.Second
	}
	orElse(&p.OffDeadline, 15*time.Second)
	orElse(&p.OnDeadline, 15*time.Second)
	orElse(&p.Poll, 250*time.Millisecond)
	orElse(&p.Settle, 2*time.Second)
	orElse(&p.LockWait, 2*time.Second)
	orElse(&p.Window, time.Hour)
	if p.MaxCycles == 0 {
		p.MaxCycles = 6
	}
	return p
}

// guard returns why a port must not be switched off. asked is the name that the
// caller used for it.
func (p Policy) guard(ctx context.Context, asked string, st PortStatus) error {
	for _, name := range p.Protected {
		for _, is := range []string{asked, st.Name, st.Index, st.Alias} {
			if is != "" && strings.EqualFold(name, is) {
				return fmt.Errorf("%w, as %q", ErrProtected, name)
			}
		}
	}
	if p.Guard != nil {
		return p.Guard(ctx, st)
	}
	return nil
}
