package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// errFindings is lint's exit status when something is wrong.
var errFindings = errors.New("some of it does not work on NFS")

func lintCommand(ctx context.Context, a *app, args []string) error {
	var fix bool
	words, err := a.Flags(args, "[-fix] DIR|NAME...", 1, -1, func(fs *flag.FlagSet) {
		fs.BoolVar(&fix, "fix", false, "mend what can be mended")
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, word := range words {
		dir, err := a.folder(word)
		if err == nil {
			err = a.lint(ctx, dir, fix, rulesFor(word))
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// rulesFor are all rules for a folder, and for a machine's root those that hold
// when it has become somebody: its own keys and name are no faults.
func rulesFor(word string) []nfsroot.Rule {
	if isFolder(word) {
		return nfsroot.Rules()
	}
	return nfsroot.HostRules()
}

func (a *app) lint(ctx context.Context, dir string, fix bool, rules []nfsroot.Rule) error {
	findings, err := nfsroot.Lint(ctx, dir, rules...)
	if err != nil {
		return err
	}
	if fix {
		if err := nfsroot.Fix(ctx, dir, findings); err != nil {
			return err
		}
		if findings, err = nfsroot.Lint(ctx, dir, rules...); err != nil {
			return err
		}
	}
	bad := false
	for _, f := range findings {
		fmt.Fprintln(a.Stdout, f)
		bad = bad || f.Severity > nfsroot.Info
	}
	if bad {
		return fmt.Errorf("%s: %w", dir, errFindings)
	}
	return nil
}

func sizeCommand(ctx context.Context, a *app, args []string) error {
	var asJSON bool
	rows := 20
	words, err := a.Flags(args, "[-json] [-rows N] DIR|NAME", 1, 1, func(fs *flag.FlagSet) {
		fs.IntVar(&rows, "rows", rows, "lines of each table; 0 is all")
		fs.BoolVar(&asJSON, "json", false, "for programs")
	})
	if err != nil {
		return err
	}
	dir, err := a.folder(words[0])
	if err != nil {
		return err
	}
	report, err := nfsroot.Size(ctx, dir)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.Stdout).Encode(report)
	}
	return report.WriteText(a.Stdout, rows)
}
