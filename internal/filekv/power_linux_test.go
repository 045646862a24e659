package filekv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestRealPowerLoss shuts a filesystem down without writing anything back, as a loss of
// power does, and mounts it again: all that Put returned is there, also in folders that
// were new.
func TestRealPowerLoss(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			mounted := loopfs.Mount(t, kind, loopfs.Options{})
			source := device(t, mounted)
			dir := filepath.Join(mounted, "new", "store")
			s, err := filekv.New(dir)
			require.NoError(t, err)
			last, err := s.Put(t.Context(), "gone", []byte("v"), 0)
			require.NoError(t, err)
			gone, err := s.Put(t.Context(), "gone", nil, last)
			require.NoError(t, err)
			for i := range 20 {
				_, err := s.Put(t.Context(), fmt.Sprintf("d%d/e/k", i), []byte("value"), 0)
				require.NoError(t, err)
			}
			keep, err := os.Open(source) // or the loop device would go with the mount
			require.NoError(t, err)
			defer keep.Close()
			shutdown(t, mounted)
			require.Error(t, os.WriteFile(filepath.Join(mounted, "probe"), nil, 0o600), "the filesystem is shut down")
			_ = s.Close() // it cannot say anything any more
			require.NoError(t, syscall.Unmount(mounted, 0))
			require.NoError(t, syscall.Mount(source, mounted, kind, 0, ""))

			s, err = filekv.New(dir)
			require.NoError(t, err)
			defer s.Close()
			for i := range 20 {
				val, _, err := s.Get(t.Context(), fmt.Sprintf("d%d/e/k", i))
				require.NoError(t, err)
				require.Equal(t, "value", string(val))
			}
			rev, err := s.Put(t.Context(), "gone", []byte("v"), 0)
			require.NoError(t, err)
			require.Greater(t, rev, gone)
		})
	}
}

// device is what is mounted there.
func device(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	var source, target string
	for line := range strings.Lines(string(data)) {
		if _, err := fmt.Sscan(line, &source, &target); err == nil && target == dir {
			return source
		}
	}
	t.Fatalf("nothing is mounted at %s", dir)
	return ""
}

// shutdown is what "xfs_io -x -c shutdown" does: no log is flushed, nothing is written.
func shutdown(t *testing.T, dir string) {
	t.Helper()
	const ioctlShutdown, noLogFlush = 0x8004587d, 2
	f, err := os.Open(dir)
	require.NoError(t, err)
	defer f.Close()
	err = unix.IoctlSetPointerInt(int(f.Fd()), ioctlShutdown, noLogFlush)
	require.NoError(t, err)
}
