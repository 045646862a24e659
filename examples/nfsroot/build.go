package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// buildCommand builds the base, and tells what is in it.
func buildCommand(ctx context.Context, a *app, args []string) error {
	var dir, archive string
	if _, err := a.Flags(args, "[-o DIR | -tar FILE]", 0, 0, func(fs *flag.FlagSet) {
		fs.StringVar(&dir, "o", "", "make the root in `DIR` instead of the farm")
		fs.StringVar(&archive, "tar", "", "write the root into `FILE` as a tar archive, which takes no root")
	}); err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	var m *nfsroot.Manifest
	switch {
	case archive != "":
		m, err = a.buildTar(ctx, c, archive)
	case dir != "":
		m, err = a.buildDir(ctx, c, dir)
	default:
		m, err = a.buildBase(ctx, c)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "%s %s: %d packages, %.1f MB in %d files, digest %.16s\n",
		m.Suite, m.Arch, len(m.Packages), float64(m.Size)/1e6, m.Inodes, m.Digest)
	return nil
}

func (a *app) buildDir(ctx context.Context, c *config, dir string) (*nfsroot.Manifest, error) {
	b, end := a.builder(c)
	defer end()
	return b.Build(ctx, c.Root.spec(), dir)
}

func (a *app) buildTar(ctx context.Context, c *config, name string) (_ *nfsroot.Manifest, err error) {
	temp, err := os.CreateTemp(filepath.Dir(name), ".nfsroot-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, temp.Close(), os.Remove(temp.Name()))
		}
	}()
	b, end := a.builder(c)
	defer end()
	m, err := b.BuildTar(ctx, c.Root.spec(), temp)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(temp.Sync(), temp.Chmod(0o644), temp.Close()); err != nil {
		return nil, err
	}
	return m, os.Rename(temp.Name(), name)
}

// builtDir is where the last base was built; one that is as it was built is not
// built again.
func (c *config) builtDir() string { return filepath.Join(c.Farm, ".built") }

// buildBase builds into the farm, beside the bases that are there.
func (a *app) buildBase(ctx context.Context, c *config) (*nfsroot.Manifest, error) {
	f, err := a.farm(c)
	if err != nil {
		return nil, err
	}
	m, err := a.buildDir(ctx, c, c.builtDir())
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%s-%.16s", m.Suite, m.Arch, m.Digest)
	if err := f.ImportBase(ctx, name, c.builtDir()); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	return m, c.setBase(name)
}

// baseFile names the base that new roots are cloned from.
func (c *config) baseFile() string { return filepath.Join(c.Farm, "base") }

func (c *config) setBase(name string) error {
	temp := c.baseFile() + ".new"
	if err := os.WriteFile(temp, []byte(name+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, c.baseFile())
}

func (c *config) base() (string, error) {
	text, err := os.ReadFile(c.baseFile())
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("no base in %s: run nfsroot build", c.Farm)
	}
	return string(text[:max(len(text)-1, 0)]), err
}
