package poe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// maxOrders is how often one order is given. It says a state, not a change, so
// that giving it twice does no harm; but some switches write their flash memory
// at each.
const maxOrders = 3

// set gives an order until the switch shows that it was carried out.
func (o *operation) set(ctx context.Context, on bool) error {
	var lost error
	for range maxOrders {
		err := o.order(ctx, on)
		if err == nil || refused(err) || ctx.Err() != nil {
			return err
		}
		o.log(ctx, slog.LevelWarn, "poe order without effect so far", slog.Bool("on", on), slog.Any("error", err))
		done, unsettled := o.settle(ctx, on)
		if done {
			return nil
		}
		if unsettled != nil {
			return errors.Join(err, unsettled)
		}
		lost = err
	}
	if errors.Is(lost, ErrNotApplied) {
		return lost
	}
	return fmt.Errorf("%w, after %d orders: %w", ErrNotApplied, maxOrders, lost)
}

// order gives an order once.
func (o *operation) order(ctx context.Context, on bool) error {
	o.log(ctx, slog.LevelDebug, "poe order", slog.Bool("on", on))
	was := o.open
	o.open = true
	err := o.c.Switch.SetAdmin(ctx, o.res.Port, on)
	if refused(err) {
		o.open = was
		return fmt.Errorf("switch it %s: %w", onOff(on), err)
	}
	o.res.Changed = true
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrNotApplied) {
		o.unsure = true
	}
	return fmt.Errorf("switch it %s: %w", onOff(on), err)
}

// refused reports whether an order was certainly not carried out and never will
// be.
func refused(err error) bool {
	return errors.Is(err, ErrReadOnly) || errors.Is(err, ErrUnknownPort) || errors.Is(err, ErrUnmapped)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// settle reads the port until an order whose fate is unknown is seen to be
// carried out, or has had the time for it. The error is for a switch that does
// not answer: nothing may be ordered then.
func (o *operation) settle(ctx context.Context, on bool) (done bool, err error) {
	_, done, err = o.watch(ctx, time.Now().Add(o.policy.Settle), func(st PortStatus) bool { return st.Admin == on })
	if err == nil || ctx.Err() != nil {
		return done, err
	}
	st, _, err := o.watch(ctx, time.Now().Add(o.policy.OnDeadline), anything)
	return err == nil && st.Admin == on, err
}

func anything(PortStatus) bool { return true }

// off orders the port off and waits until it gives no power.
func (o *operation) off(ctx context.Context) error {
	if err := o.set(ctx, false); err != nil {
		return err
	}
	st, ok, err := o.watch(ctx, time.Now().Add(o.policy.OffDeadline), func(st PortStatus) bool { return st.Dark() || st.Admin })
	switch {
	case err != nil:
		return err
	case st.Admin:
		return fmt.Errorf("%w: after it was switched off it is on again", ErrNotApplied)
	case !ok:
		return fmt.Errorf("%w: %v after %v", ErrStillOn, st.Detection, o.policy.OffDeadline)
	}
	return nil
}

// on orders the port on, unless it is, and waits until it gives power.
func (o *operation) on(ctx context.Context) error {
	before := o.res.After
	if !before.Admin {
		if err := o.set(ctx, true); err != nil {
			return err
		}
	}
	return o.awaitPower(ctx, before.Counters)
}

// awaitPower waits until the port gives power, and orders it on again when a late
// copy of an order switches it off meanwhile.
func (o *operation) awaitPower(ctx context.Context, before Counters) error {
	start := time.Now()
	until := start.Add(o.policy.OnDeadline)
	for again := 0; ; {
		st, ok, err := o.watch(ctx, until, func(st PortStatus) bool { return st.Delivering() || !st.Admin })
		switch {
		case err != nil:
			return err
		case !st.Admin && again == maxOrders:
			return fmt.Errorf("%w: after it was switched on it is off again", ErrNotApplied)
		case !st.Admin:
			again++
			o.log(ctx, slog.LevelWarn, "poe port went off again")
			if err := o.set(ctx, true); err != nil {
				return err
			}
			until = time.Now().Add(o.policy.OnDeadline)
		case !ok:
			o.open = false
			return noPower(o.res.Port, st, before, time.Since(start))
		case o.unsure:
			if err := sleep(ctx, o.policy.Settle); err != nil {
				return err
			}
			o.unsure = false
			until = time.Now().Add(o.policy.OnDeadline)
		default:
			o.open = false
			return nil
		}
	}
}

func noPower(port string, st PortStatus, before Counters, waited time.Duration) *NoPowerError {
	delta := st.Counters.Since(before)
	return &NoPowerError{
		Port: port, Status: st, Waited: waited,
		Denied: delta.Denied, Overload: delta.Overload, Short: delta.Short, InvalidSignature: delta.InvalidSignature,
	}
}

// restore switches the port on again after it could not be switched off as it
// should.
func (o *operation) restore(ctx context.Context) error {
	st, _, err := o.watch(ctx, time.Now().Add(o.policy.OnDeadline), anything)
	if err != nil {
		return err
	}
	if st.Admin && !o.unsure {
		o.open = false
		return nil
	}
	return o.on(ctx)
}
