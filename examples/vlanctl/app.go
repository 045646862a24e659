package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/mythic-beasts/hostkit/vlan"
)

// app is what all commands have.
type app struct {
	name           string // of the command
	config         string // path
	stdout, stderr io.Writer
}

// flags parses a command's flags, which define adds, and checks that no more than
// most arguments are left, unless that is negative.
func (a *app) flags(args []string, synopsis string, most int, define func(*flag.FlagSet)) ([]string, error) {
	fs := flag.NewFlagSet("vlanctl "+a.name, flag.ContinueOnError)
	fs.SetOutput(a.stderr)
	fs.Usage = func() {
		fmt.Fprintf(a.stderr, "usage: vlanctl %s %s\n", a.name, synopsis)
		fs.PrintDefaults()
	}
	if define != nil {
		define(fs)
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, errUsage // the flag set has said what is wrong
	}
	if most >= 0 && fs.NArg() > most {
		fs.Usage()
		return nil, errUsage
	}
	return fs.Args(), nil
}

func (a *app) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// load reads the configuration and the plan, which must be the plan of this
// configuration and keep Pis apart: nothing is made of any other.
func (a *app) load() (*config, *vlan.Plan, error) {
	c, err := loadConfig(a.config)
	if err != nil {
		return nil, nil, err
	}
	p, err := c.current()
	if err != nil {
		return nil, nil, err
	}
	if err := p.Verify(); err != nil {
		return nil, nil, err
	}
	return c, p, nil
}
