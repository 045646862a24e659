package main

import (
	"path/filepath"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/internal/cli"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// app is what all commands have.
type app struct{ *cli.Call }

// load reads the configuration.
func (a *app) load() (*config, error) { return loadConfig(a.Config) }

// builder returns what builds roots of the configuration, and what ends its
// progress bar.
func (a *app) builder(c *config) (*build.Builder, func()) {
	b := newBar(a.Stderr)
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
