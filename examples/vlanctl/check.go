package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/mythic-beasts/hostkit/vlan"
)

// checkCommand proves that Pis are apart: by the plan, and by what switches say
// that they do.
func checkCommand(ctx context.Context, a *app, args []string) error {
	var live bool
	names, err := a.Flags(args, "[-live [SWITCH...]]", 0, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&live, "live", false, "read the switches, and prove it of these")
	})
	if err != nil {
		return err
	}
	if len(names) > 0 && !live {
		return errors.New("check: switches are read with -live only")
	}
	c, p, err := a.load()
	if err != nil {
		return err
	}
	if !live {
		_, err = fmt.Fprintf(a.Stdout, "the plan keeps %d Pis apart\n", len(p.Pis))
		return err
	}
	switches, err := c.chosen(names)
	if err != nil {
		return err
	}
	states := make(map[string]vlan.State)
	for _, sw := range switches {
		err := sw.use(ctx, a.Log(), func(d vlan.Driver) error {
			states[sw.Name], err = d.Read(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", sw.Name, err)
		}
	}
	if err := vlan.VerifyState(p, states); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Stdout, "the plan and %d switches keep %d Pis apart\n", len(states), len(p.Pis))
	return err
}
