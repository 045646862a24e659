package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/vlan"
)

// errDiffers ends diff when there is a difference, as diff(1) does.
var errDiffers = errors.New("switches are not as planned; vlanctl apply says what it would do, and vlanctl apply -yes does it")

// diffCommand says what is not as planned.
func diffCommand(ctx context.Context, a *app, args []string) error {
	names, err := a.Flags(args, "[SWITCH...]", 0, -1, nil)
	if err != nil {
		return err
	}
	left, err := a.applyTo(ctx, names, vlan.ApplyOptions{DryRun: true})
	if err == nil && left > 0 {
		err = errDiffers
	}
	return err
}

// applyCommand changes switches, if it is told to.
func applyCommand(ctx context.Context, a *app, args []string) error {
	var yes bool
	var o vlan.ApplyOptions
	names, err := a.Flags(args, "[-yes] [-no-save] [-every-step] [SWITCH...]", 0, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&yes, "yes", false, "change the switches; without it nothing is changed")
		fs.BoolVar(&o.NoSave, "no-save", false, "do not make it what switches start with")
		fs.BoolVar(&o.EveryStep, "every-step", false, "read switches back after each step, which takes longer")
	})
	if err != nil {
		return err
	}
	o.DryRun = !yes
	left, err := a.applyTo(ctx, names, o)
	if err == nil && left > 0 {
		fmt.Fprintln(a.Stdout, "nothing was changed; with -yes it is")
	}
	return err
}

// applyTo goes from switch to switch and stops at the first that fails. It
// returns how many steps are left.
func (a *app) applyTo(ctx context.Context, names []string, o vlan.ApplyOptions) (left int, err error) {
	c, p, err := a.load()
	if err != nil {
		return 0, err
	}
	switches, err := c.chosen(names)
	if err != nil {
		return 0, err
	}
	for _, sw := range switches {
		want, err := p.Switch(sw.Name)
		if err != nil {
			return left, err
		}
		err = sw.use(ctx, a.Log(), func(d vlan.Driver) error {
			report, err := vlan.Apply(ctx, d, want, o)
			a.print(sw.Name, report, err)
			left += len(report.Steps) - report.Done
			return err
		})
		if err != nil {
			return left, err
		}
	}
	return left, nil
}

// print says what was done, step by step.
func (a *app) print(name string, r vlan.Report, err error) {
	for i, s := range r.Steps {
		mark := "would"
		switch {
		case i < r.Done:
			mark = "did"
		case err != nil:
			mark = "did not"
		}
		fmt.Fprintf(a.Stdout, "%s: %s: %s\n", name, mark, s)
	}
	for _, s := range r.Undone {
		fmt.Fprintf(a.Stdout, "%s: undid: %s\n", name, s)
	}
	switch {
	case err != nil:
	case len(r.Steps) == 0:
		fmt.Fprintf(a.Stdout, "%s: is as planned\n", name)
	case r.Done > 0:
		fmt.Fprintf(a.Stdout, "%s: %d steps done, %s\n", name, r.Done, map[bool]string{true: "saved", false: "not saved"}[r.Saved])
	}
	if len(r.Unmanaged) > 0 {
		fmt.Fprintf(a.Stdout, "%s: not set by this driver: %s\n", name, strings.Join(r.Unmanaged, ", "))
	}
}
