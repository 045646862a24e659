package farm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Advance does once what [Next] asks for, for all Pis, and returns when it wants
// to be called again; the zero time means after a change.
func (f *Farm) Advance(ctx context.Context) (wake time.Time, err error) {
	names, err := f.Names()
	if err != nil {
		return wake, err
	}
	wakes := make([]time.Time, len(names))
	err = f.each(names, func(i int, name string) error {
		return f.change(ctx, name, func(s *State) error {
			actions, at := Next(f.Policy(), *s, f.o.Now())
			wakes[i] = at
			return f.act(ctx, s, actions)
		})
	})
	for _, at := range wakes {
		if !at.IsZero() && (wake.IsZero() || at.Before(wake)) {
			wake = at
		}
	}
	if err = errors.Join(err, f.emptyTrash(ctx)); err != nil {
		return wake, fmt.Errorf("farm: advance: %w", err)
	}
	return wake, nil
}

func (f *Farm) act(ctx context.Context, s *State, actions []Action) error {
	var errs []error
	for _, a := range actions {
		var err error
		switch a {
		case Cycle:
			err = f.cycle(ctx, s)
		case Rollback:
			f.o.Log.Warn("no boot was seen: rolling back", "name", s.Name, "generation", s.Current)
			err = f.rollback(ctx, s)
		case Collect:
			err = f.collect(s)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%v: %w", a, err))
		}
	}
	return errors.Join(errs...)
}

// Run advances the farm until ctx ends, at the least every interval, which is
// also how soon it notices a change. It returns the context's cause.
func (f *Farm) Run(ctx context.Context, interval time.Duration) error {
	for {
		wake, err := f.Advance(ctx)
		if err != nil && ctx.Err() == nil {
			f.o.Log.Error("farm does not advance", "err", err)
		}
		wait := interval
		if !wake.IsZero() {
			wait = min(max(wake.Sub(f.o.Now()), 0), interval)
		}
		if wait < time.Second && err != nil { // what fails at once is not tried all the time
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}
