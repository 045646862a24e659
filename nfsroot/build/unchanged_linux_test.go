package build_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

// The same spec again leaves a root alone that is as it was built, and puts a
// new one in the place of any other.
func TestSameRootStays(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, b *build.Builder, s *nfsroot.Spec, dst string)
		stays  bool
	}{
		"as it was": {func(*testing.T, *build.Builder, *nfsroot.Spec, string) {}, true},
		"read": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			_, err := os.ReadFile(filepath.Join(dst, "etc/fstab"))
			require.NoError(t, err)
		}, true},
		"moved and back": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.Rename(dst, dst+"-aside"))
			require.NoError(t, os.Rename(dst+"-aside", dst))
		}, true},
		"another spec": {func(_ *testing.T, _ *build.Builder, s *nfsroot.Spec, _ string) { s.Mask = append(s.Mask, "x.timer") }, false},
		"too old":      {func(_ *testing.T, b *build.Builder, _ *nfsroot.Spec, _ string) { b.MaxAge = 1 }, false},
		"no cache": {func(t *testing.T, b *build.Builder, _ *nfsroot.Spec, _ string) {
			require.NoError(t, os.RemoveAll(filepath.Join(b.CacheDir, "roots")))
		}, false},
		"a file more": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.WriteFile(filepath.Join(dst, "etc/nologin"), nil, 0o644))
		}, false},
		"a file less": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.Remove(filepath.Join(dst, "etc/fstab")))
		}, false},
		"written, with its old size and time": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			overwrite(t, filepath.Join(dst, "etc/fstab"))
		}, false},
		"another mode": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.Chmod(filepath.Join(dst, "etc/fstab"), 0o666))
		}, false},
		"another mode of the root": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.Chmod(dst, 0o700))
		}, false},
		"one more link": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.Link(filepath.Join(dst, "etc/fstab"), filepath.Join(filepath.Dir(dst), "outside")))
		}, false},
		"a copy of it": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.Rename(dst, dst+"-aside"))
			run(t, "cp", "-a", dst+"-aside", dst)
		}, false},
		"gone": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.RemoveAll(dst))
		}, false},
		"half a mark": {func(t *testing.T, _ *build.Builder, _ *nfsroot.Spec, dst string) {
			require.NoError(t, os.Truncate(filepath.Join(filepath.Dir(dst), ".base.lock"), 40))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s := fake(t, &nfsroottest.Runner{}), spec()
			dst := filepath.Join(t.TempDir(), "base")
			m, err := b.Build(t.Context(), s, dst)
			require.NoError(t, err)
			held, err := os.Open(dst) // so that no other folder gets its number
			require.NoError(t, err)
			defer held.Close()
			before, err := held.Stat()
			require.NoError(t, err)

			tt.change(t, b, &s, dst)
			again, err := b.Build(t.Context(), s, dst)
			require.NoError(t, err)
			after, err := os.Stat(dst)
			require.NoError(t, err)
			require.Equal(t, tt.stays, os.SameFile(before, after))
			if tt.stays {
				require.Equal(t, m, again)
			}
			text, err := os.ReadFile(filepath.Join(dst, "etc/fstab"))
			require.NoError(t, err)
			require.Contains(t, string(text), "tmpfs /tmp")
		})
	}
}

// overwrite writes other contents of the same length, and hides it as far as
// can be: the time of change is the kernel's, of which a tick may have to pass.
func overwrite(t *testing.T, name string) {
	t.Helper()
	before, err := os.Stat(name)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		require.NoError(t, os.WriteFile(name, make([]byte, before.Size()), 0o644))
		require.NoError(t, os.Chtimes(name, before.ModTime(), before.ModTime()))
		after, err := os.Stat(name)
		require.NoError(t, err)
		return after.Sys().(*syscall.Stat_t).Ctim != before.Sys().(*syscall.Stat_t).Ctim
	}, 10*time.Second, time.Millisecond)
}
