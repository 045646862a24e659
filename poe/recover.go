package poe

import (
	"context"
	"errors"
	"time"
)

// Recover finishes what was interrupted, by a crash or by the end of a context:
// a port that was to be on at the end is switched on, once it was off for as
// long as [Policy].MinOff says. A port that was to be off is left as it is. Call
// it when a program starts, and after an action whose Result is Interrupted.
//
// What a process that lives is at is left to it. The error joins those of the
// ports that could not be seen to; they stay in the journal.
func (c *Controller) Recover(ctx context.Context) ([]Result, error) {
	pending, errs := c.Pending(ctx)
	var results []Result
	for _, in := range pending {
		o := c.operation(ActionRecover, in.Port, Reason{Who: in.Who, Why: in.Why})
		err := o.locked(ctx, in.Port, (*operation).resume)
		if errors.Is(err, ErrBusy) || errors.Is(err, errNothingLeft) {
			o.release()
			continue
		}
		res, err := o.finish(ctx, err)
		results, errs = append(results, res), errors.Join(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return results, errs
}

// errNothingLeft is for an intent that ended before its port's lock was had.
var errNothingLeft = errors.New("nothing left to do")

// resume finishes the intent of the port.
func (o *operation) resume(ctx context.Context) error {
	if o.intentRev == 0 {
		return errNothingLeft
	}
	if !o.intent.On {
		o.ended = true
		return nil
	}
	o.open = true
	return o.endAfter(o.resumeOn(ctx))
}

func (o *operation) resumeOn(ctx context.Context) error {
	if o.res.Before.Admin {
		// An order to switch it off may have been given last thing, and be on
		// its way still.
		o.unsure = time.Since(o.intent.Started) < o.policy.OffDeadline+o.policy.Settle
		return o.on(ctx)
	}
	dark := o.intent.Dark
	if now := time.Now(); dark.IsZero() || dark.After(now) {
		if _, _, err := o.watch(ctx, now.Add(o.policy.OffDeadline), PortStatus.Dark); err != nil {
			return err
		}
		dark = time.Now()
	}
	if err := sleep(ctx, o.policy.MinOff-time.Since(dark)); err != nil {
		return err
	}
	return o.on(ctx)
}
