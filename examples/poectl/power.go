package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// do is what a word does to a port.
func do(ctx context.Context, c *poe.Controller, word, port string, why poe.Reason) (poe.Result, error) {
	switch word {
	case "on":
		return c.On(ctx, port, why)
	case "off":
		return c.Off(ctx, port, why)
	case "cycle":
		return c.Cycle(ctx, port, why)
	case "unlock":
		return c.Unlock(ctx, port, why)
	}
	return poe.Result{}, fmt.Errorf("%q is nothing that a port can do", word)
}

// powerCommand is on, off, cycle and unlock. Switches work side by side, the
// ports of one after one another.
func powerCommand(ctx context.Context, a *app, args []string) error {
	var why string
	names, err := a.Flags(args, "[-why TEXT] NAME...", 1, -1, func(fs *flag.FlagSet) {
		fs.StringVar(&why, "why", "", "reason, for the audit")
	})
	if err != nil {
		return err
	}
	r, err := a.rack()
	if err != nil {
		return err
	}
	defer r.close()
	targets, err := r.targets(names)
	if err != nil {
		return err
	}
	reason := poe.Reason{Who: who(), Why: why}
	return r.each(targets, func(sw string, targets []target) error {
		c := r.controller(sw)
		var errs []error
		for _, t := range targets {
			if err := ctx.Err(); err != nil {
				return errors.Join(append(errs, fmt.Errorf("%s: not begun: %w", t, err))...)
			}
			res, err := do(ctx, c, a.Command, t.port, reason)
			if err == nil {
				fmt.Fprintf(a.Stdout, "%s: %s\n", t, sentence(res))
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

// each calls fn for every switch's targets, side by side.
func (r *rack) each(targets []target, fn func(sw string, targets []target) error) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for sw, mine := range r.bySwitch(targets) {
		wg.Go(func() {
			err := fn(sw, mine)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// sentence says what was done to a port.
func sentence(r poe.Result) string {
	state := "off"
	if r.After.Delivering() {
		state = "on, " + r.After.Power.String()
	}
	switch {
	case r.Action == poe.ActionUnlock:
		return "unlocked"
	case !r.Changed:
		return "was " + state + " already"
	case r.Action == poe.ActionCycle:
		return fmt.Sprintf("%s, after %v without power", state, r.OffFor.Round(100*time.Millisecond))
	}
	return fmt.Sprintf("%s, after %v", state, r.Took.Round(100*time.Millisecond))
}

func recoverCommand(ctx context.Context, a *app, args []string) error {
	if _, err := a.Flags(args, "", 0, 0, nil); err != nil {
		return err
	}
	r, err := a.rack()
	if err != nil {
		return err
	}
	defer r.close()
	return r.recover(ctx, func(t target, res poe.Result) {
		fmt.Fprintf(a.Stdout, "%s: %s\n", t, sentence(res))
	})
}

// recover finishes what was interrupted, and tells of what it finished. A switch
// that has nothing in the journal is not asked.
func (r *rack) recover(ctx context.Context, tell func(target, poe.Result)) error {
	var errs []error
	for _, s := range r.config.Switches {
		results, err := r.controller(s.Name).Recover(ctx)
		for _, res := range results {
			if res.Err == nil {
				tell(target{r.machineAt(s.Name, res.Port), s.Name, res.Port}, res)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
