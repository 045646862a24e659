package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing/fstest"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/mythic-beasts/hostkit/nfsroot/identity"
)

// times makes n clones, and removes them.
func times(ctx context.Context, name, dir string, n int, make func(dst string) error, c clone.Cloner) *side {
	dst := func(i int) string { return filepath.Join(dir, "pi"+strconv.Itoa(i)) }
	return &side{
		name: name,
		do: func() error {
			for i := range n {
				if err := make(dst(i)); err != nil {
					return err
				}
			}
			return nil
		},
		undo: func() error {
			var errs []error
			for i := range n {
				if err := c.Remove(context.WithoutCancel(ctx), dst(i)); !errors.Is(err, fs.ErrNotExist) {
					errs = append(errs, err)
				}
			}
			return errors.Join(errs...)
		},
	}
}

func cp(base, how string) func(dst string) error {
	return func(dst string) error { return run("cp", "-a", "--reflink="+how, base, dst) }
}

func by(ctx context.Context, c clone.Cloner, base string) func(dst string) error {
	return func(dst string) error { return c.Clone(ctx, base, dst) }
}

func (b *bench) snapshots(ctx context.Context, dir string) error {
	src, base := filepath.Join(dir, "src"), filepath.Join(dir, "base")
	if err := makeTree(src); err != nil {
		return err
	}
	c := clone.Btrfs{}
	if err := c.Import(ctx, src, base); err != nil {
		return err
	}
	return b.compare(dir, fmt.Sprintf("for %d", b.n), times(ctx, "clone.Btrfs", dir, b.n, by(ctx, c, base), c))
}

const few = 2 // clones in a round of what takes long

func (b *bench) reflinks(ctx context.Context, dir string) error {
	base := filepath.Join(dir, "base")
	if err := makeTree(base); err != nil {
		return err
	}
	c := clone.Reflink{NoSync: true}
	return b.compare(dir, fmt.Sprintf("for %d", few),
		times(ctx, "clone.Reflink", dir, few, by(ctx, c, base), c),
		times(ctx, "cp -a --reflink=always", dir, few, cp(base, "always"), c))
}

func (b *bench) copies(ctx context.Context, dir string) error {
	base := filepath.Join(dir, "base")
	if err := makeTree(base); err != nil {
		return err
	}
	c := clone.Copy{NoSync: true}
	return b.compare(dir, "for 1",
		times(ctx, "clone.Copy", dir, 1, by(ctx, c, base), c),
		times(ctx, "cp -a", dir, 1, cp(base, "never"), c))
}

func (b *bench) overlays(ctx context.Context, dir string) error {
	base := filepath.Join(dir, "base")
	if err := makeTree(base); err != nil {
		return err
	}
	c := clone.Overlay{}
	return b.compare(dir, fmt.Sprintf("for %d", b.n), times(ctx, "clone.Overlay", dir, b.n, by(ctx, c, base), c))
}

func used(dir string) (int64, error) {
	var st syscall.Statfs_t
	err := errors.Join(run("sync", "-f", dir), syscall.Statfs(dir, &st))
	return int64(st.Blocks-st.Bfree) * int64(st.Bsize), err //nolint:unconvert // 32 bits wide on some
}

// personalize gives a root an identity, with a host key.
func personalize(root *os.Root, name string) error {
	keys, err := identity.GenerateHostKeys(name)
	if err != nil {
		return err
	}
	id, err := identity.DeriveMachineID([]byte("sixteen secret bytes, or more of them"), name)
	if err != nil {
		return err
	}
	return identity.Personalize(root, identity.Identity{
		Name: name + ".example.com", MachineID: id, HostKeys: keys, Clock: time.Now(),
		DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
	})
}

func (b *bench) names() []string {
	var names []string
	for i := range b.n {
		names = append(names, "pi"+strconv.Itoa(i))
	}
	return names
}

// farm adds all Pis to a farm, with identities.
func (b *bench) farm(ctx context.Context, dir string) error {
	src := filepath.Join(dir, "src")
	if err := makeTree(src); err != nil {
		return err
	}
	f, err := farm.Open(filepath.Join(dir, "farm"), farm.Options{Personalize: personalize})
	if err != nil {
		return err
	}
	if err := f.ImportBase(ctx, "base", src); err != nil {
		return err
	}
	before, err := used(dir)
	if err != nil {
		return err
	}
	names := b.names()
	if f.Cloner().Capabilities().Name != "btrfs" {
		names = names[:min(8, len(names))]
	}
	began := time.Now()
	if err := f.Add(ctx, "base", names...); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := used(dir)
	if err != nil {
		return err
	}
	fmt.Printf("  Add of %d Pis by %s: %.3f s, %.1f MiB\n", len(names), f.Cloner().Capabilities().Name, took.Seconds(), float64(after-before)/(1<<20))
	began = time.Now()
	if _, err := f.Rebuild(ctx, names[0], "base"); err != nil {
		return err
	}
	fmt.Printf("  Rebuild of one: %.3f s\n", time.Since(began).Seconds())
	return nil
}

// push pushes one file of 3 MB to all Pis, a new one each time.
func (b *bench) push(ctx context.Context, dir string) error {
	src := filepath.Join(dir, "src")
	for _, site := range []string{"srv/www", "srv/loop"} { // so that each replaces its own
		if err := os.MkdirAll(filepath.Join(src, site), 0o755); err != nil {
			return err
		}
	}
	f, err := farm.Open(filepath.Join(dir, "farm"), farm.Options{})
	if err != nil {
		return err
	}
	if err := f.ImportBase(ctx, "base", src); err != nil {
		return err
	}
	names := b.names()
	if err := f.Add(ctx, "base", names...); err != nil {
		return err
	}
	round := 0
	file := func() []byte {
		round++
		return []byte(strings.Repeat(fmt.Sprintf("%07d\n", round), 3<<20/8))
	}
	nothing := func() error { return nil }
	var site fstest.MapFS
	fresh := func() error { site = fstest.MapFS{"app.bin": {Data: file()}}; return nil }
	fresh() //nolint:errcheck // it cannot fail
	push := func() error {
		_, err := f.Push(ctx, site, "srv/www", farm.PushOptions{})
		return err
	}
	staged := filepath.Join(dir, "app.bin")
	loop := func() error {
		if err := os.WriteFile(staged, file(), 0o644); err != nil {
			return err
		}
		script := `for d; do cp --reflink=auto "$0" "$d/srv/loop/.new" && sync "$d/srv/loop/.new" && mv "$d/srv/loop/.new" "$d/srv/loop/app.bin" || exit; done`
		args := []string{"-c", script, staged}
		for _, name := range names {
			args = append(args, f.Root(name))
		}
		return run("sh", args...)
	}
	runtime.GC()
	unit := fmt.Sprintf("to %d", b.n)
	err = b.compare(dir, unit,
		&side{name: "Push of 3 MB, new", do: push, undo: fresh},
		&side{name: "cp, sync, mv in a loop", do: loop, undo: nothing})
	if err != nil {
		return err
	}
	// To compare is to read all that is there, which the next push would pay for.
	return b.compare(dir, unit, &side{name: "Push again, unchanged", do: push, undo: nothing})
}
