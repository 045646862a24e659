package poe

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What errors.Is finds in the errors of this package and of its drivers.
var (
	// ErrUnknownPort is for a name that the switch has no port of.
	ErrUnknownPort = errors.New("no such port")
	// ErrUnmapped is for a port of which it cannot be told for certain which
	// entry of the switch's power table it is. Guessing would cut the power
	// of another one.
	ErrUnmapped = errors.New("not known which entry of the power table is the port")
	// ErrProtected is for a port that [Policy] says is never switched off.
	ErrProtected = errors.New("port is protected")
	// ErrLockedOut is for a port that was switched off too often; a
	// [*LockoutError] says until when.
	ErrLockedOut = errors.New("port was switched off too often")
	// ErrNotApplied is for an order that the switch took and did not carry out.
	ErrNotApplied = errors.New("the switch did not do as it was told")
	// ErrReadOnly is for a switch that takes no orders, by its nature or by
	// how it is configured.
	ErrReadOnly = errors.New("read-only")
	// ErrBudget is for power that is not to be had: the switch refused it, or
	// [Controller.Sequence] did not ask.
	ErrBudget = errors.New("not enough power")
	// ErrBusy is for a port that somebody else is switching.
	ErrBusy = errors.New("port is being switched by somebody else")
	// ErrOff is for a port to be cycled that is off, where [Policy] says that
	// it is to stay so.
	ErrOff = errors.New("port is off")
	// ErrStillOn is for a port that went on giving power after it was
	// switched off.
	ErrStillOn = errors.New("port still gives power")
)

// NoPowerError is for a port that was switched on and gave no power in time.
// What the switch counted meanwhile says why.
type NoPowerError struct {
	Port   string
	Status PortStatus    // at the end
	Waited time.Duration // since it was switched on

	Denied           uint32 // refused: the budget is used up
	Overload         uint32 // the device drew too much
	Short            uint32 // short circuit: look at the cable and the device
	InvalidSignature uint32 // what is plugged in asks for no power
}

// Error names the causes that were counted.
func (e *NoPowerError) Error() string {
	var causes []string
	for _, c := range []struct {
		n    uint32
		what string
	}{
		{e.Denied, "power denied"},
		{e.Overload, "overload"},
		{e.Short, "short circuit"},
		{e.InvalidSignature, "invalid signature"},
	} {
		if c.n > 0 {
			causes = append(causes, fmt.Sprintf("%s (%d times)", c.what, c.n))
		}
	}
	why := strings.Join(causes, ", ")
	if why == "" {
		why = "no cause counted; is a device plugged in?"
	}
	return fmt.Sprintf("port %q gives no power after %v (%v): %s", e.Port, e.Waited.Round(time.Millisecond), e.Status.Detection, why)
}

// Is makes a denial an [ErrBudget].
func (e *NoPowerError) Is(target error) bool { return target == ErrBudget && e.Denied > 0 }

// LockoutError is for a port that was switched off too often.
type LockoutError struct {
	Port  string
	Count int       // times within the window of [Policy]
	Until time.Time // when it may be switched off again
}

// Error says until when.
func (e *LockoutError) Error() string {
	return fmt.Sprintf("%v (%q, %d times); again from %s, or after Unlock", ErrLockedOut, e.Port, e.Count, e.Until.Format(time.RFC3339))
}

// Is makes it an [ErrLockedOut].
func (e *LockoutError) Is(target error) bool { return target == ErrLockedOut }
