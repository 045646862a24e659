package netboot_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
)

func TestOverlay(t *testing.T) {
	generated := netboot.TextFS(map[string]string{"config.txt": "generated", "overlays/own.dtbo": "own"})
	shared := netboot.TextFS(map[string]string{
		"config.txt": "shared", "start4.elf": "firmware", "overlays/own.dtbo": "shared", "overlays/vc4.dtbo": "vc4",
	})
	o := netboot.Overlay(nil, generated, nil, shared)
	require.NoError(t, fstest.TestFS(o, "config.txt", "start4.elf", "overlays/own.dtbo", "overlays/vc4.dtbo"))
	for name, want := range map[string]string{
		"config.txt": "generated", "start4.elf": "firmware", "overlays/own.dtbo": "own", "overlays/vc4.dtbo": "vc4",
	} {
		b, err := fs.ReadFile(o, name)
		require.NoError(t, err)
		require.Equal(t, want, string(b), name)
	}
	_, err := o.Open("nothere")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = o.Open("../config.txt")
	require.ErrorIs(t, err, fs.ErrInvalid)
	require.NoError(t, fstest.TestFS(netboot.Overlay()))
}

func TestOverlayStopsAtFailure(t *testing.T) {
	failure := errors.New("disk on fire")
	o := netboot.Overlay(
		openFunc(func(string) (fs.File, error) { return nil, failure }),
		netboot.TextFS(map[string]string{"config.txt": "of another layer"}),
	)
	_, err := o.Open("config.txt")
	require.ErrorIs(t, err, failure)
	_, err = fs.ReadDir(o, ".")
	require.ErrorIs(t, err, failure)
}

func TestOverlayMissingDirectory(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, os.Mkdir(gone, 0o755))
	layer, err := netboot.DirFS(gone)
	require.NoError(t, err)
	require.NoError(t, os.Remove(gone))
	o := netboot.Overlay(layer, netboot.TextFS(map[string]string{"config.txt": "below"}))
	b, err := fs.ReadFile(o, "config.txt")
	require.NoError(t, err)
	require.Equal(t, "below", string(b))
}

// TestPipeNeverWaits opens a pipe that nobody writes to, through file systems
// that would open it and wait for ever.
func TestPipeNeverWaits(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "config.txt"), 0o600); err != nil {
		peer.Skip(t, "no named pipes here: %v", err)
	}
	files, err := netboot.DirFS(dir)
	require.NoError(t, err)
	lower := netboot.TextFS(map[string]string{"config.txt": "lower"})
	for name, fsys := range map[string]fs.FS{
		"Dir": files, "os.DirFS": os.DirFS(dir), "overlay": netboot.Overlay(os.DirFS(dir), lower), "overlay of Dir": netboot.Overlay(files, lower),
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan error, 1)
			go func() {
				_, err := (&netboot.Machine{Files: fsys}).Open("config.txt")
				done <- err
			}()
			select {
			case err := <-done:
				require.ErrorIs(t, err, fs.ErrNotExist)
				require.ErrorContains(t, err, "not a regular file")
			case <-time.After(5 * time.Second):
				t.Fatal("still waiting for a writer")
			}
		})
	}
}

func TestTextFS(t *testing.T) {
	files := map[string]string{"config.txt": "a", "deep/er/still.txt": "b", "../bad": "c", "/bad": "d"}
	tfs := netboot.TextFS(files)
	files["config.txt"] = "changed"
	require.NoError(t, fstest.TestFS(tfs, "config.txt", "deep/er/still.txt"))
	b, err := fs.ReadFile(tfs, "config.txt")
	require.NoError(t, err)
	require.Equal(t, "a", string(b), "the map was copied")
	entries, err := fs.ReadDir(tfs, ".")
	require.NoError(t, err)
	require.Len(t, entries, 2)
}
