package poe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Controller switches the ports of one [Switch] with the care that the power of
// other people's machines asks for. The zero value with a Switch works. It may
// be used by several goroutines at once; its fields must not change then.
type Controller struct {
	// Switch is required.
	Switch Switch
	// Name is the switch's, for the journal, the audit and errors. Controllers
	// of different switches that share a Journal need different ones.
	Name string
	// Policy is what is permitted.
	Policy Policy
	// Journal keeps what was begun and how often ports were switched off, and
	// keeps others out. Nil means in memory: then nothing is known after a
	// crash, and controllers elsewhere are not kept out.
	Journal Store
	// Audit is told of every action. Nil means nobody is.
	Audit Audit
	// Log gets orders at level Debug and surprises at Warn. Nil discards.
	Log *slog.Logger

	memory MemoryStore // if Journal is nil
}

// Reason is who wants something and why, for the audit. Neither is looked at
// otherwise.
type Reason struct {
	Who string // a user, a program, an address
	Why string // a ticket, a sentence
}

// Action is what a [Controller] is asked to do.
type Action string

// The actions. ActionRecover ends one that was interrupted.
const (
	ActionOn      Action = "on"
	ActionOff     Action = "off"
	ActionCycle   Action = "cycle"
	ActionRecover Action = "recover"
	ActionUnlock  Action = "unlock"
)

// Result is what an action did.
type Result struct {
	Switch string
	Port   string // as the switch names it
	Action Action
	Reason Reason

	Before, After PortStatus // After is the last that was read
	Changed       bool       // an order was given to the switch
	Interrupted   bool       // something is left to do, and in the journal
	OffFor        time.Duration
	Started       time.Time
	Took          time.Duration
	Err           error // as it was returned, for lists of results
}

// On lets a port give power and waits until it does. The error is a
// [*NoPowerError] if it does not. For a port that gives power already nothing is
// done.
func (c *Controller) On(ctx context.Context, port string, why Reason) (Result, error) {
	return c.run(ctx, ActionOn, port, why, (*operation).turnOn)
}

// Off takes the power from a port, and waits until that is so.
func (c *Controller) Off(ctx context.Context, port string, why Reason) (Result, error) {
	return c.run(ctx, ActionOff, port, why, (*operation).turnOff)
}

// Cycle takes the power from a port, waits until that is so and then
// [Policy].MinOff longer, gives it back and waits until it flows.
//
// From the first order on the port is in the journal until it is on again. When
// the context ends meanwhile, or the switch stops answering, Cycle returns, and
// [Controller.Recover] has the rest to do.
func (c *Controller) Cycle(ctx context.Context, port string, why Reason) (Result, error) {
	return c.run(ctx, ActionCycle, port, why, (*operation).cycle)
}

// Unlock forgets how often a port was switched off, so that an [ErrLockedOut]
// ends.
func (c *Controller) Unlock(ctx context.Context, port string, why Reason) (Result, error) {
	return c.run(ctx, ActionUnlock, port, why, func(o *operation, ctx context.Context) error {
		o.res.After = o.res.Before
		return o.forget(ctx)
	})
}

// run resolves the port, has it guarded and locked, and lets do at it.
func (c *Controller) run(ctx context.Context, action Action, port string, why Reason, do func(*operation, context.Context) error) (Result, error) {
	o := c.operation(action, port, why)
	err := o.locked(ctx, port, do)
	return o.finish(ctx, err)
}

func (c *Controller) operation(action Action, port string, why Reason) *operation {
	return &operation{
		c: c, policy: c.Policy.withDefaults(),
		res: Result{Switch: c.Name, Port: port, Action: action, Reason: why, Started: time.Now()},
	}
}

// finish completes the result, has it recorded, takes the intent out of the
// journal if it has ended, and lets go of the port: in this order, so that a crash
// leaves one or the other.
func (o *operation) finish(ctx context.Context, err error) (Result, error) {
	defer o.release()
	o.res.Took = time.Since(o.res.Started)
	err = o.explain(err)
	if o.c.Audit != nil {
		detached, cancel := detach(ctx)
		defer cancel()
		err = errors.Join(err, o.c.Audit.Record(detached, recordOf(o.res, err)))
	}
	if o.ended {
		err = errors.Join(err, o.explain(o.endIntent(ctx)))
	}
	o.res.Err = err
	return o.res, err
}

// explain says what was attempted, where the error does not.
func (o *operation) explain(err error) error {
	if err == nil {
		return nil
	}
	where := fmt.Sprintf("%q", o.res.Port)
	if o.c.Name != "" {
		where += fmt.Sprintf(" of switch %q", o.c.Name)
	}
	hint := ""
	if o.res.Interrupted {
		hint = " (interrupted; Recover will finish it)"
	}
	return fmt.Errorf("poe: %s port %s%s: %w", o.res.Action, where, hint, err)
}

// detachedTime bounds what is written after a context has ended.
const detachedTime = 5 * time.Second

func detach(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), detachedTime)
}

func (c *Controller) journal() Store {
	if c.Journal != nil {
		return c.Journal
	}
	return &c.memory
}

func (c *Controller) log() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.New(slog.DiscardHandler)
}

// lock waits for a lock of the journal's, and returns [ErrBusy] when it has waited
// enough.
func (c *Controller) lock(ctx context.Context, key string, wait time.Duration) (context.Context, func() error, error) {
	// What is held ends with the context that it was asked for with, so a
	// timer bounds the wait rather than a deadline.
	waiting, stop := context.WithCancelCause(ctx)
	timer := time.AfterFunc(wait, func() { stop(ErrBusy) })
	held, unlock, err := c.journal().Lock(waiting, key)
	if !timer.Stop() {
		<-waiting.Done() // it has fired, and must not do so later
	}
	busy := ctx.Err() == nil && errors.Is(context.Cause(waiting), ErrBusy)
	switch {
	case err == nil && !busy:
		return held, func() error { defer stop(nil); return unlock() }, nil
	case err == nil:
		err = errors.Join(ErrBusy, unlock())
	case busy:
		err = ErrBusy
	}
	stop(nil)
	return nil, nil, err
}
