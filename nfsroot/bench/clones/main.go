// Clones measures nfsroot/clone and nfsroot/farm against cp, on filesystems that
// it makes in files and mounts by loop devices. It needs root, mkfs.xfs,
// mkfs.btrfs, mkfs.ext4 and mount.
//
//	go run ./nfsroot/bench/clones [-dir DIR] [-n 96] [-rounds 5] [-only REGEXP]
//
// Rounds of ours and of cp take turns, and each includes a sync of the filesystem.
// What one run prints is comparable within that run only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

type bench struct {
	dir    string
	n      int
	rounds int
	only   *regexp.Regexp
}

func main() {
	dir := flag.String("dir", os.TempDir(), "where to make the filesystems: a disk, or a tmpfs to leave the disk out")
	n := flag.Int("n", 96, "how many Pis")
	rounds := flag.Int("rounds", 5, "how often each is measured")
	only := flag.String("only", ".", "which measurements, a regular expression, as in \"push on xfs\"")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{n: *n, rounds: *rounds}
	err := b.prepare(*dir, *only)
	if err == nil {
		err = errors.Join(b.run(ctx), os.Remove(b.dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "clones:", err)
		os.Exit(1)
	}
}

func (b *bench) prepare(dir, only string) (err error) {
	if b.only, err = regexp.Compile(only); err != nil {
		return err
	}
	b.dir, err = os.MkdirTemp(dir, "clones-")
	return err
}

func (b *bench) run(ctx context.Context) error {
	for _, m := range []struct {
		name, kind string // the kind with options of mkfs
		measure    func(ctx context.Context, dir string) error
	}{
		{"snapshot", "btrfs", b.snapshots},
		{"reflink", "xfs", b.reflinks},
		{"reflink", "btrfs", b.reflinks},
		{"copy", "ext4", b.copies},
		{"overlay", "ext4", b.overlays},
		{"farm", "btrfs", b.farm}, // which keeps its own data twice
		{"farm", "btrfs -m single", b.farm},
		{"farm", "xfs", b.farm},
		{"push", "xfs", b.push},
		{"push", "btrfs", b.push},
		{"push", "ext4", b.push},
	} {
		if !b.only.MatchString(m.name + " on " + m.kind) {
			continue
		}
		if err := b.mounted(m.kind, func(dir string) error {
			fmt.Printf("%s on %s\n", m.name, m.kind)
			return m.measure(ctx, dir)
		}); err != nil {
			return fmt.Errorf("%s on %s: %w", m.name, m.kind, err)
		}
	}
	return nil
}

// mounted makes a filesystem of 16 GB, most of it a hole.
func (b *bench) mounted(kind string, fn func(dir string) error) error {
	format := strings.Fields(kind)
	kind = format[0]
	image, dir := filepath.Join(b.dir, "image"), filepath.Join(b.dir, kind)
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(image, 16<<30); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := run("mkfs."+kind, append(format[1:], "-q", image)...); err != nil {
		return err
	}
	if err := run("mount", "-o", "loop", image, dir); err != nil {
		return err
	}
	err := fn(dir)
	return errors.Join(err, run("umount", dir), os.Remove(dir), os.Remove(image))
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// side is one of those that are compared.
type side struct {
	name string
	do   func() error
	undo func() error // not timed
	took []time.Duration
}

// compare lets the sides take turns, and prints medians, and their ratio to the
// first's.
func (b *bench) compare(dir, unit string, sides ...*side) error {
	for range b.rounds {
		for _, s := range sides {
			began := time.Now()
			err := s.do()
			if err == nil {
				err = run("sync", "-f", dir)
			}
			s.took = append(s.took, time.Since(began))
			err = errors.Join(err, s.undo(), run("sync", "-f", dir))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for i, s := range sides {
		slices.Sort(s.took)
		m := median(s.took)
		fmt.Printf("  %-28s %8.3f s %s (%.3f to %.3f)", s.name, m.Seconds(), unit, s.took[0].Seconds(), s.took[len(s.took)-1].Seconds())
		if i > 0 {
			fmt.Printf("   ours/this %.2f", median(sides[0].took).Seconds()/m.Seconds())
		}
		fmt.Println()
	}
	return nil
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }
