package poe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// operation is one action at one port, which it holds the lock of.
type operation struct {
	c      *Controller
	policy Policy
	res    Result

	// unsure is set once the answer to an order was lost: the order, or a copy
	// of it, may still arrive.
	unsure bool
	// open is set from the first order until the port is known to be as it
	// shall stay.
	open bool

	intent    Intent // as it is in the journal, if intentRev is not 0
	intentRev int64
	ended     bool // the intent is to leave the journal

	unlock func() error // nil if the lock is not held
}

// locked finds the port by any name the switch knows it by, takes its lock, reads
// it again under that and lets do at it. The lock is held until release.
func (o *operation) locked(ctx context.Context, asked string, do func(*operation, context.Context) error) error {
	if o.c.Switch == nil {
		return errors.New("Controller.Switch is nil")
	}
	st, err := o.c.Switch.Port(ctx, asked)
	if err != nil {
		return fmt.Errorf("look it up: %w", err)
	}
	o.res.Port, o.res.Before, o.res.After = st.Name, st, st
	if o.res.Action == ActionOff || o.res.Action == ActionCycle {
		if err := o.policy.guard(ctx, asked, st); err != nil {
			return err
		}
	}
	held, err := o.lock(ctx)
	if err != nil {
		return err
	}
	if o.res.Before, err = o.read(held); err != nil {
		return err
	}
	if err := o.loadIntent(held); err != nil {
		return err
	}
	return do(o, held)
}

// lock takes the port's lock, or says who has it.
func (o *operation) lock(ctx context.Context) (context.Context, error) {
	held, unlock, err := o.c.lock(ctx, o.key("port"), o.policy.LockWait)
	o.unlock = unlock
	if errors.Is(err, ErrBusy) {
		if in, _, e := o.c.readIntent(ctx, o.key("intent")); e == nil {
			err = fmt.Errorf("%w: %s by %q since %s", err, in.Action, in.Who, in.Started.Format(time.TimeOnly))
		}
	}
	return held, err
}

// release lets go of the lock. That it cannot means that it was lost, and the
// store lets go by itself.
func (o *operation) release() {
	if o.unlock != nil {
		_ = o.unlock()
	}
}

func (o *operation) log(ctx context.Context, level slog.Level, what string, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("switch", o.c.Name), slog.String("port", o.res.Port)}, more...)
	o.c.log().LogAttrs(ctx, level, what, attrs...)
}

// read looks at the port once.
func (o *operation) read(ctx context.Context) (PortStatus, error) {
	st, err := o.c.Switch.Port(ctx, o.res.Port)
	if err != nil {
		return st, fmt.Errorf("read its state: %w", err)
	}
	o.res.After = st
	return st, nil
}

// watch looks at the port until it is as wanted, or time has run out: then it
// returns what it saw last, or why it saw nothing since.
func (o *operation) watch(ctx context.Context, until time.Time, wanted func(PortStatus) bool) (st PortStatus, ok bool, err error) {
	for ctx.Err() == nil {
		st, err = o.read(ctx)
		switch {
		case ctx.Err() != nil:
			return st, false, context.Cause(ctx)
		case err == nil && wanted(st):
			return st, true, nil
		case !time.Now().Before(until):
			return st, false, err
		}
		if err := sleep(ctx, min(o.policy.Poll, max(time.Until(until), time.Millisecond))); err != nil {
			return st, false, err
		}
	}
	return st, false, context.Cause(ctx)
}

// turnOn is the action On.
func (o *operation) turnOn(ctx context.Context) error {
	if o.res.Before.Delivering() {
		o.ended = true
		return nil
	}
	if err := o.beginIntent(ctx, true); err != nil {
		return err
	}
	o.unsure = o.justOff(ctx)
	return o.endAfter(o.on(ctx))
}

// turnOff is the action Off.
func (o *operation) turnOff(ctx context.Context) error {
	if o.res.Before.Dark() {
		o.ended = true
		return nil
	}
	if err := o.count(ctx); err != nil {
		return err
	}
	if err := o.beginIntent(ctx, false); err != nil {
		return err
	}
	return o.endAfter(o.off(ctx))
}

// cycle is the action Cycle.
func (o *operation) cycle(ctx context.Context) error {
	if !o.res.Before.Admin && !o.pendingOn() {
		if o.policy.WhenOff == WhenOffTurnOn {
			return o.turnOn(ctx)
		}
		return ErrOff
	}
	if err := o.count(ctx); err != nil {
		return err
	}
	if err := o.beginIntent(ctx, true); err != nil {
		return err
	}
	return o.endAfter(o.offAndOn(ctx))
}

func (o *operation) offAndOn(ctx context.Context) error {
	if err := o.off(ctx); err != nil {
		if ctx.Err() != nil || !o.open {
			return err
		}
		return errors.Join(err, o.restore(ctx))
	}
	dark := time.Now()
	if err := o.noteDark(ctx, dark); err != nil {
		return errors.Join(err, o.restore(ctx))
	}
	if err := sleep(ctx, o.policy.MinOff-time.Since(dark)); err != nil {
		return err
	}
	o.res.OffFor = time.Since(dark)
	return o.on(ctx)
}

// endAfter ends the intent, unless something is left to do: a port that was to be
// switched off is left as it is.
func (o *operation) endAfter(err error) error {
	o.res.Interrupted = err != nil && o.open && o.intent.On
	o.ended = !o.res.Interrupted
	return err
}
