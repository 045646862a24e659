package farm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A Pi's life on each kind of filesystem.
func TestLife(t *testing.T) {
	for kind, driver := range map[string]string{"btrfs": "btrfs", "xfs": "reflink", "ext4": "copy", "tmpfs": "copy"} {
		t.Run(kind, func(t *testing.T) {
			dir := loopfs.Mount(t, kind, loopfs.Options{})
			clock, pw := &clock{now: noon}, &power{}
			f := open(t, dir, farm.Options{Power: pw, Now: clock.Now, Keep: -1})
			require.Equal(t, driver, f.Cloner().Capabilities().Name)
			require.NoError(t, f.Add(t.Context(), "v1", "pi2", "pi1"))
			names, err := f.Names()
			require.NoError(t, err)
			require.Equal(t, []string{"pi1", "pi2"}, names)
			require.Equal(t, "v1", version(t, f, "pi1"))
			require.Empty(t, pw.cycled, "a new Pi may be off")
			require.NoError(t, f.Seen(t.Context(), "pi1", clock.Now()))
			require.Equal(t, []string{"root"}, left(t, filepath.Join(dir, "farm/serve/pi1")))

			// The Pi runs: it has its root open.
			running, err := os.OpenRoot(f.Root("pi1"))
			require.NoError(t, err)
			defer running.Close()
			g, err := f.Rebuild(t.Context(), "pi1", "v2")
			require.NoError(t, err)
			require.Equal(t, 2, g.ID)
			require.Equal(t, "v2", version(t, f, "pi1"))
			require.Equal(t, "v1", version(t, f, "pi2"))
			require.Equal(t, []string{"pi1"}, pw.cycled)
			require.NoError(t, running.WriteFile("mine", nil, 0o644), "the old root is there still")
			require.True(t, get(t, f, "pi1").Pending)

			require.NoError(t, f.GC(t.Context()))
			require.NoError(t, running.WriteFile("mine", nil, 0o644), "nothing was confirmed")
			require.NoError(t, f.Rollback(t.Context(), "pi1"))
			require.Equal(t, "v1", version(t, f, "pi1"))
			require.FileExists(t, filepath.Join(f.Root("pi1"), "mine"))
			require.NoError(t, f.Confirm(t.Context(), "pi1"))

			_, err = f.Rebuild(t.Context(), "pi1", "v2")
			require.NoError(t, err)
			require.NoError(t, f.Confirm(t.Context(), "pi1"))
			require.NoError(t, f.GC(t.Context()))
			require.Equal(t, []farm.Generation{{
				ID: 3, Base: "v2", Built: get(t, f, "pi1").Generations[0].Built, Confirmed: get(t, f, "pi1").Seen,
				Handle: get(t, f, "pi1").Generations[0].Handle,
			}}, get(t, f, "pi1").Generations)
			require.Empty(t, left(t, filepath.Join(dir, "farm/generations/pi1")))
			require.Empty(t, left(t, filepath.Join(dir, "farm/trash")))
			require.ErrorIs(t, f.Rollback(t.Context(), "pi1"), fs.ErrNotExist)

			// All is as well in another process, and when the name is free again.
			f = open(t, dir, farm.Options{})
			require.Equal(t, "v2", version(t, f, "pi1"))
			require.NoError(t, f.Remove(t.Context(), "pi1"))
			require.Equal(t, []string{"pi2"}, left(t, filepath.Join(dir, "farm/serve")))
			require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
			require.NoError(t, f.RemoveBase(t.Context(), "v1"))
			require.Equal(t, "v1", version(t, f, "pi1"))
		})
	}
}

func TestAddErrors(t *testing.T) {
	f, dir := newFarm(t, farm.Options{Personalize: func(root *os.Root, name string) error {
		if name == "bad" {
			return errors.New("no key")
		}
		return own(root, name)
	}})
	err := f.Add(t.Context(), "v1", "pi1", "bad", "pi2", "pi1")
	require.ErrorContains(t, err, "bad: personalize: no key")
	pe, ok := errors.AsType[*farm.PiError](err)
	require.True(t, ok)
	require.Equal(t, "bad", pe.Name)
	require.Equal(t, "v1", version(t, f, "pi1"))
	require.Equal(t, "v1", version(t, f, "pi2"))
	require.Empty(t, left(t, filepath.Join(dir, "farm/staging")))

	require.ErrorIs(t, f.Add(t.Context(), "v1", "pi1"), fs.ErrExist)
	require.ErrorIs(t, f.Add(t.Context(), "v9", "pi3"), fs.ErrNotExist)
	require.ErrorIs(t, f.Add(t.Context(), "../v1", "pi3"), farm.ErrName)
	require.ErrorIs(t, f.Add(t.Context(), "v1", "../pi3"), farm.ErrName)
	require.ErrorIs(t, f.ImportBase(t.Context(), "v1", t.TempDir()), fs.ErrExist)
	require.ErrorIs(t, f.ImportBase(t.Context(), "a/b", dir), farm.ErrName)
	_, err = f.Rebuild(t.Context(), "nobody", "v1")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, f.Seen(t.Context(), "nobody", noon), fs.ErrNotExist)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Add(ctx, "v1", "pi4"), context.Canceled)
	require.Empty(t, left(t, filepath.Join(dir, "farm/staging")))
	names, err := f.Names()
	require.NoError(t, err)
	require.Equal(t, []string{"pi1", "pi2"}, names)
}

func TestOverlayIsRefused(t *testing.T) {
	_, err := farm.Open(t.TempDir(), farm.Options{Cloner: clone.Overlay{}})
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// On a full disk a rebuild fails, and the Pi goes on with what it has.
func TestRebuildDiskFull(t *testing.T) {
	dir := loopfs.Mount(t, "ext4", loopfs.Options{Size: 64 << 20})
	f := open(t, dir, farm.Options{Cloner: clone.Copy{NoSync: true}})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
	require.NoError(t, f.Confirm(t.Context(), "pi1"))
	ballast := filepath.Join(dir, "ballast")
	big := makeBase(t, t.TempDir(), "big")
	require.NoError(t, os.WriteFile(filepath.Join(big, "blob"), make([]byte, 20<<20), 0o644))
	require.NoError(t, f.ImportBase(t.Context(), "big", big))
	require.NoError(t, os.WriteFile(ballast, make([]byte, 22<<20), 0o644))

	_, err := f.Rebuild(t.Context(), "pi1", "big")
	require.ErrorIs(t, err, unix.ENOSPC)
	require.Equal(t, "v1", version(t, f, "pi1"))
	require.False(t, get(t, f, "pi1").Pending)
	require.Empty(t, left(t, filepath.Join(dir, "farm/staging")))

	require.NoError(t, os.Remove(ballast))
	_, err = f.Rebuild(t.Context(), "pi1", "big")
	require.NoError(t, err)
	require.Equal(t, "big", version(t, f, "pi1"))
}

// A boot that began before the swap says nothing about the new root.
func TestOldBootDoesNotConfirm(t *testing.T) {
	clock := &clock{now: noon}
	f, _ := newFarm(t, farm.Options{Now: clock.Now})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
	require.NoError(t, f.Seen(t.Context(), "pi1", clock.Now()))
	before := clock.Now()
	_, err := f.Rebuild(t.Context(), "pi1", "")
	require.NoError(t, err)
	require.NoError(t, f.Seen(t.Context(), "pi1", before))
	require.True(t, get(t, f, "pi1").Pending)
	require.Equal(t, []int{1, 2}, get(t, f, "pi1").InUse)
	require.NoError(t, f.Seen(t.Context(), "pi1", clock.Now()))
	require.False(t, get(t, f, "pi1").Pending)
	require.Equal(t, []int{2}, get(t, f, "pi1").InUse)
}

// Without an operator: a root that does not boot is rolled back.
func TestAdvance(t *testing.T) {
	clock, pw := &clock{now: noon}, &power{err: errors.New("switch is down")}
	f, _ := newFarm(t, farm.Options{Now: clock.Now, Power: pw, BootTimeout: time.Hour, Keep: -1})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1", "pi2"))
	require.NoError(t, f.Confirm(t.Context(), "pi1"))
	_, err := f.Rebuild(t.Context(), "pi1", "v2")
	require.ErrorIs(t, err, pw.err)
	require.Equal(t, "v2", version(t, f, "pi1"))
	_, err = f.Advance(t.Context())
	require.ErrorIs(t, err, pw.err, "it tries again")

	pw.err = nil
	_, err = f.Advance(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"pi1"}, pw.cycled)
	wake, err := f.Advance(t.Context())
	require.NoError(t, err)
	require.Equal(t, get(t, f, "pi1").Cycled.Add(time.Hour), wake)

	clock.Add(time.Hour)
	_, err = f.Advance(t.Context())
	require.NoError(t, err)
	require.Equal(t, "v1", version(t, f, "pi1"))
	require.Equal(t, []string{"pi1", "pi1"}, pw.cycled)
	require.NoError(t, f.Confirm(t.Context(), "pi1"))
	require.True(t, get(t, f, "pi1").Generations[1].Failed)

	_, err = f.Rebuild(t.Context(), "pi1", "v2")
	require.NoError(t, err)
	require.NoError(t, f.Confirm(t.Context(), "pi1"))
	_, err = f.Advance(t.Context())
	require.NoError(t, err)
	require.Len(t, get(t, f, "pi1").Generations, 1)
}

func TestRun(t *testing.T) {
	pw := &power{}
	f, dir := newFarm(t, farm.Options{})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
	require.NoError(t, f.Confirm(t.Context(), "pi1"))
	_, err := f.Rebuild(t.Context(), "pi1", "v2")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	f = open(t, dir, farm.Options{Cloner: f.Cloner(), Power: cycleFunc(func(ctx context.Context, name string) error {
		defer cancel()
		return pw.Cycle(ctx, name)
	})})
	require.ErrorIs(t, f.Run(ctx, time.Minute), context.Canceled)
	require.Equal(t, []string{"pi1"}, pw.cycled)
}

type cycleFunc func(context.Context, string) error

func (c cycleFunc) Cycle(ctx context.Context, name string) error { return c(ctx, name) }

// Two processes do not collide.
func TestLocks(t *testing.T) {
	f, dir := newFarm(t, farm.Options{})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1", "pi2"))
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			other, err := farm.Open(filepath.Join(dir, "farm"), farm.Options{Cloner: f.Cloner(), Personalize: own})
			if err == nil {
				_, err = other.Rebuild(t.Context(), fmt.Sprint("pi", 1+i%2), "v2")
			}
			errs[i] = errors.Join(err, other.Confirm(t.Context(), "pi1"), other.GC(t.Context()))
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 5, get(t, f, "pi1").Last)
	require.Equal(t, 5, get(t, f, "pi2").Current)
	require.Equal(t, "v2", version(t, f, "pi2"))

	held, err := os.OpenFile(filepath.Join(dir, "farm/locks/pi1"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer held.Close()
	require.NoError(t, unix.Flock(int(held.Fd()), unix.LOCK_EX))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = f.Rebuild(ctx, "pi1", "v2")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// A Pi that was served more than its root, and put something else there.
func TestTamperedRoot(t *testing.T) {
	f, dir := newFarm(t, farm.Options{})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1", "pi2"))
	serve, outside := filepath.Join(dir, "farm/serve/pi1"), t.TempDir()
	require.NoError(t, os.Rename(f.Root("pi1"), filepath.Join(serve, "hidden")))
	require.NoError(t, os.Symlink(outside, f.Root("pi1")))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "keep"), nil, 0o644))

	_, err := f.Push(t.Context(), os.DirFS(makeBase(t, t.TempDir(), "x")), "srv", farm.PushOptions{})
	require.ErrorContains(t, err, "pi1: ")
	require.NotContains(t, err.Error(), "pi2: ")
	require.Equal(t, []string{"keep"}, left(t, outside))

	f = open(t, dir, farm.Options{Cloner: f.Cloner()}) // puts it back
	require.Equal(t, "v1", version(t, f, "pi1"))
	require.Equal(t, []string{"root"}, left(t, serve))

	require.NoError(t, os.RemoveAll(f.Root("pi1")))
	f = open(t, dir, farm.Options{Cloner: f.Cloner()})
	_, err = f.Rebuild(t.Context(), "pi1", "v2")
	require.NoError(t, err)
	require.Equal(t, "v2", version(t, f, "pi1"))
	require.Equal(t, []string{"keep"}, left(t, outside))
}

func TestQuotaIsSet(t *testing.T) {
	dir := loopfs.Mount(t, "btrfs", loopfs.Options{})
	require.NoError(t, clone.BtrfsQuota{}.Enable(t.Context(), dir))
	f := open(t, dir, farm.Options{Quota: clone.BtrfsQuota{}, Limit: 50 << 20})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
	u, err := clone.BtrfsQuota{}.Usage(t.Context(), f.Root("pi1"))
	require.NoError(t, err)
	require.EqualValues(t, 50<<20, u.Limit)
}

func TestStateOfAnother(t *testing.T) {
	f, dir := newFarm(t, farm.Options{})
	require.NoError(t, f.Add(t.Context(), "v1", "pi1"))
	state := filepath.Join(dir, "farm/state/pi1.json")
	text, err := os.ReadFile(state)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "farm/state/pi2.json"), text, 0o600))
	_, err = f.Get("pi2")
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.NoError(t, os.WriteFile(state, text[:10], 0o600))
	_, err = f.Get("pi1")
	require.ErrorContains(t, err, `state of "pi1"`)
}
