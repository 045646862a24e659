package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// app is what all commands have.
type app struct {
	name           string // of the command
	config         string // path
	stdout, stderr io.Writer
}

// flags parses a command's flags, which define adds, and checks the number of
// arguments that are left: at least least, and at most most unless that is
// negative.
func (a *app) flags(args []string, synopsis string, least, most int, define func(*flag.FlagSet)) ([]string, error) {
	fs := flag.NewFlagSet("nfsroot "+a.name, flag.ContinueOnError)
	fs.SetOutput(a.stderr)
	fs.Usage = func() {
		fmt.Fprintf(a.stderr, "usage: nfsroot %s %s\n", a.name, synopsis)
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
	if n := fs.NArg(); n < least || most >= 0 && n > most {
		fs.Usage()
		return nil, errUsage
	}
	return fs.Args(), nil
}

// load reads the configuration.
func (a *app) load() (*config, error) { return loadConfig(a.config) }

func (a *app) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// builder returns what builds roots of the configuration, and what ends its
// progress bar.
func (a *app) builder(c *config) (*build.Builder, func()) {
	b := newBar(a.stderr)
	return &build.Builder{Backend: build.Backend(c.Root.Backend), CacheDir: c.Cache, Progress: b.event}, b.end
}

// isFolder tells a folder from the name of a machine.
func isFolder(word string) bool { return strings.Contains(word, "/") }

// folder is the root that a word on the command line means: a folder when there
// is a slash in it, and else that of a machine.
func (a *app) folder(word string) (string, error) {
	if isFolder(word) {
		return filepath.Abs(word)
	}
	c, err := a.load()
	if err != nil {
		return "", err
	}
	if _, err := c.machine(word); err != nil {
		return "", err
	}
	f, err := a.farm(c)
	if err != nil {
		return "", err
	}
	return f.Root(word), nil
}
