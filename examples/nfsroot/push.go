package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/mythic-beasts/hostkit/nfsroot/farm"
)

func pushCommand(ctx context.Context, a *app, args []string) error {
	var o farm.PushOptions
	words, err := a.Flags(args, "[-delete] [-uid N] [-gid N] SRC DEST [NAME...]", 2, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&o.Delete, "delete", false, "remove what an earlier push put there and SRC has no more")
		fs.IntVar(&o.UID, "uid", 0, "`user` who owns what is pushed, by number")
		fs.IntVar(&o.GID, "gid", 0, "`group` of what is pushed, by number")
	})
	if err != nil {
		return err
	}
	_, f, err := a.open()
	if err != nil {
		return err
	}
	if len(words) > 2 {
		o.Names = words[2:]
	}
	report, err := f.Push(ctx, os.DirFS(words[0]), words[1], o)
	if report != nil {
		for _, p := range report.Pis {
			fmt.Fprintf(a.Stdout, "%s: %d written, %d unchanged, %d deleted\n", p.Name, len(p.Written), p.Unchanged, len(p.Deleted))
			a.paths(p.Name, "kept, for the machine has changed it", p.Kept)
			a.paths(p.Name, "had been changed by others", p.Changed)
		}
	}
	return err
}

// errDrift is drift's exit status when something differs.
var errDrift = errors.New("some roots are not as they were pushed")

func driftCommand(ctx context.Context, a *app, args []string) error {
	words, err := a.Flags(args, "DEST [NAME...]", 1, -1, nil)
	if err != nil {
		return err
	}
	_, f, err := a.open()
	if err != nil {
		return err
	}
	var names []string // nil means all
	if len(words) > 1 {
		names = words[1:]
	}
	report, err := f.Drift(ctx, words[0], names...)
	if err != nil {
		return err
	}
	drifted := false
	for _, p := range report.Pis {
		a.paths(p.Name, "changed", p.Changed)
		a.paths(p.Name, "missing", p.Missing)
		a.paths(p.Name, "extra", p.Extra)
		drifted = drifted || len(p.Changed)+len(p.Missing)+len(p.Extra) > 0
	}
	if drifted {
		return errDrift
	}
	return nil
}

// paths prints a line for each path.
func (a *app) paths(name, what string, paths []string) {
	for _, p := range paths {
		fmt.Fprintf(a.Stdout, "%s: %s: %q\n", name, what, p)
	}
}
