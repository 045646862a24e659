package nfsroottest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

func needLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("probes need Linux")
	}
}

func TestProbeHere(t *testing.T) {
	needLinux(t)
	nfsroottest.RunProbes(t, open(t))
}

// TestProbeLocal holds the suite itself to account: what it asks of NFS is what
// every local file system does.
func TestProbeLocal(t *testing.T) {
	needLinux(t)
	peer.NeedRoot(t)
	for _, tc := range []struct{ fs, mkfs, options string }{
		{"tmpfs", "", "size=400m"}, {"ext4", "mkfs.ext4", "loop"}, {"xfs", "mkfs.xfs", "loop"}, {"btrfs", "mkfs.btrfs", "loop"},
	} {
		t.Run(tc.fs, func(t *testing.T) {
			nfsroottest.RunProbes(t, mounted(t, tc.fs, tc.mkfs, tc.options))
		})
	}
}

// open is a folder that other users can get to.
func open(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o711))
	return dir
}

func mounted(t *testing.T, fs, mkfs, options string) string {
	t.Helper()
	dir := open(t)
	source := "none"
	if mkfs != "" {
		peer.Look(t, mkfs)
		source = filepath.Join(t.TempDir(), "image")
		require.NoError(t, os.WriteFile(source, nil, 0o600))
		require.NoError(t, os.Truncate(source, 512<<20))
		command(t, mkfs, source)
	}
	command(t, "mount", "-t", fs, "-o", options, source, dir)
	t.Cleanup(func() {
		require.NoError(t, exec.Command("umount", dir).Run())
	})
	return dir
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
}

// TestProbeFinds runs the probes where some things are known to be missing.
func TestProbeFinds(t *testing.T) {
	needLinux(t)
	peer.NeedRoot(t)
	dir := mounted(t, "tmpfs", "", "size=2m,nr_inodes=1000,noexec,nosymfollow")
	failed := map[string]bool{}
	for _, r := range nfsroottest.Probe(t.Context(), dir) {
		failed[r.Name] = r.Failed()
	}
	for _, name := range []string{"large-io", "readdir-complete", "read-by-exec", "symlink-targets"} {
		require.True(t, failed[name], name)
	}
	for _, name := range []string{"setuid", "hard-link", "read-denied", "rename-open"} {
		require.False(t, failed[name], name)
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	needLinux(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range nfsroottest.Probe(ctx, t.TempDir()) {
		require.Equal(t, context.Canceled.Error(), r.Skipped)
		require.False(t, r.Failed())
	}
}

func TestProbeNamesWhatIsMissing(t *testing.T) {
	needLinux(t)
	for _, r := range nfsroottest.Probe(t.Context(), filepath.Join(t.TempDir(), "missing")) {
		if r.Skipped == "" {
			require.ErrorIs(t, r.Err, os.ErrNotExist, r.Name)
		}
	}
}

func TestResultString(t *testing.T) {
	bad := errors.New("no such thing")
	for _, tc := range []struct {
		result nfsroottest.Result
		want   string
		failed bool
	}{
		{nfsroottest.Result{Name: "a"}, "ok   a", false},
		{nfsroottest.Result{Name: "a", Err: bad}, "FAIL a: no such thing", true},
		{nfsroottest.Result{Name: "a", Err: bad, Optional: true}, "no   a: no such thing", false},
		{nfsroottest.Result{Name: "a", Skipped: "needs root"}, "skip a: needs root", false},
	} {
		require.Equal(t, tc.want, tc.result.String())
		require.Equal(t, tc.failed, tc.result.Failed())
	}
}
