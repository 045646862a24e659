package loopfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// Options of a filesystem.
type Options struct {
	Size   int64    // bytes; 0 means 512 MiB. They are allocated as they are written
	Format []string // arguments of mkfs
	Mount  string   // mount options, as in "prjquota"
}

const defaultSize = 512 << 20

// Mount makes a filesystem of the type in memory and mounts it on a new folder,
// which it returns.
func Mount(t testing.TB, kind string, o Options) string {
	t.Helper()
	dir, err := TryMount(t, kind, o)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TryMount is Mount that returns the error of a kernel that cannot mount this.
func TryMount(t testing.TB, kind string, o Options) (string, error) {
	t.Helper()
	peer.NeedRoot(t)
	mount, umount := peer.Look(t, "mount"), peer.Look(t, "umount")
	work := t.TempDir()
	dir := filepath.Join(work, kind)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("loopfs: %v", err)
	}
	if err := run(mount, "-t", "tmpfs", "-o", "size=100%", "tmpfs", work); err != nil {
		t.Fatal(err)
	}
	// Lazily: the kernel lets go of the loop device's file in its own time.
	t.Cleanup(func() { cleanup(t, umount, "-l", work) })
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatalf("loopfs: %v", err)
	}
	args := []string{"-t", kind, "tmpfs", dir}
	if kind != "tmpfs" {
		image := filepath.Join(work, "image")
		format(t, kind, image, o)
		args = []string{"-t", kind, "-o", strings.Trim("loop,"+o.Mount, ","), image, dir}
	}
	if err := run(mount, args...); err != nil {
		return "", err
	}
	t.Cleanup(func() { cleanup(t, umount, dir) })
	return dir, nil
}

func format(t testing.TB, kind, image string, o Options) {
	t.Helper()
	if o.Size == 0 {
		o.Size = defaultSize
	}
	mkfs := peer.Look(t, "mkfs."+kind)
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(o.Size), f.Close())
	}
	if err != nil {
		t.Fatalf("loopfs: %v", err)
	}
	if err := run(mkfs, append(append([]string{"-q"}, o.Format...), image)...); err != nil {
		t.Fatal(err)
	}
}

func cleanup(t testing.TB, program string, args ...string) {
	t.Helper()
	if err := run(program, args...); err != nil {
		t.Error(err)
	}
}

func run(program string, args ...string) error {
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("loopfs: %s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	return nil
}
