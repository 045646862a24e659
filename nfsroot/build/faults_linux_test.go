package build_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// What apt says of mirrors that are wrong is understood.
func TestRealBadMirrors(t *testing.T) {
	needTools(t, "mmdebstrap")
	for _, tt := range []struct {
		name  string
		wrong func(*testing.T, *archive, *nfsroot.Spec)
		want  error
	}{
		{"package is missing", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			require.NoError(t, os.Remove(a.path("essence_1_all.deb")))
		}, build.ErrMirror},
		{"package is damaged", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			damage(t, a.path("essence_1_all.deb"))
		}, build.ErrHash},
		{"list is damaged", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			damage(t, a.path("dists/test/main/binary-amd64/Packages"))
		}, build.ErrHash},
		{"list is missing", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			require.NoError(t, os.Remove(a.path("dists/test/main/binary-amd64/Packages")))
		}, build.ErrMirror},
		{"nobody answers", func(_ *testing.T, a *archive, _ *nfsroot.Spec) {
			a.server.Close()
		}, build.ErrMirror},
		{"suite is unknown", func(_ *testing.T, _ *archive, s *nfsroot.Spec) {
			s.Suite = "toast"
		}, build.ErrSuite},
		{"Release has expired", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			a.valid, a.until = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
			a.release(t)
		}, build.ErrExpired},
		{"Release is of the future", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			a.valid, a.until = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
			a.release(t)
		}, build.ErrClock},
		{"signature is by other keys", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			a.newKeys(t)
			a.release(t)
		}, build.ErrSignature},
		{"signature is missing", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			require.NoError(t, os.Remove(a.path("dists/test/InRelease")))
		}, build.ErrSignature},
		{"signed text was changed", func(t *testing.T, a *archive, _ *nfsroot.Spec) {
			text, err := os.ReadFile(a.path("dists/test/InRelease"))
			require.NoError(t, err)
			text[60] ^= 1
			require.NoError(t, os.WriteFile(a.path("dists/test/InRelease"), text, 0o644))
		}, build.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newArchive(t)
			s := a.spec()
			tt.wrong(t, a, &s)
			b := &build.Builder{Backend: build.Mmdebstrap, CacheDir: t.TempDir()}
			dir := t.TempDir()
			_, err := b.Build(t.Context(), s, filepath.Join(dir, "base"))
			require.ErrorIs(t, err, tt.want)
			failed, ok := errors.AsType[*build.Error](err)
			require.True(t, ok)
			require.NotEmpty(t, failed.Hint)
			require.Positive(t, failed.ExitCode)
			only(t, dir)
			require.Empty(t, mounts(t, dir))
		})
	}
}

// An archive of the past is taken when the spec says that it is of the past.
func TestRealSnapshotMayHaveExpired(t *testing.T) {
	needTools(t, "mmdebstrap")
	a := newArchive(t)
	a.valid, a.until = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	a.release(t)
	s := a.spec()
	s.Snapshot = a.valid
	b := &build.Builder{CacheDir: t.TempDir()}
	_, err := b.Build(t.Context(), s, filepath.Join(t.TempDir(), "base"))
	require.NotErrorIs(t, err, build.ErrExpired)
	failed, ok := errors.AsType[*build.Error](err)
	require.True(t, ok, "%v", err)
	require.NotEqual(t, build.Update, failed.Stage) // nothing in it can be set up
}

func TestRealDebootstrapBadMirrors(t *testing.T) {
	needTools(t, "debootstrap")
	a := newArchive(t)
	b := &build.Builder{Backend: build.Debootstrap, CacheDir: t.TempDir()}
	dir := t.TempDir()

	_, err := b.Build(t.Context(), a.spec(), filepath.Join(dir, "base"))
	require.ErrorIs(t, err, build.ErrSuite, "debootstrap has no script for it")

	s := a.spec()
	s.Suite = "bookworm"
	_, err = b.Build(t.Context(), s, filepath.Join(dir, "base"))
	require.ErrorIs(t, err, build.ErrSuite, "the mirror does not have it")

	require.NoError(t, os.Rename(a.path("dists/test"), a.path("dists/bookworm")))
	a.newKeys(t)
	a.gpg(t, "--output", a.path("dists/bookworm/InRelease"), "--clearsign", a.path("dists/bookworm/Release"))
	_, err = b.Build(t.Context(), s, filepath.Join(dir, "base"))
	require.ErrorIs(t, err, build.ErrSignature)
	only(t, dir)
}

func TestRealDiskFull(t *testing.T) {
	needTools(t, "mmdebstrap")
	small := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", small, "tmpfs", 0, "size=40m"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(small, syscall.MNT_DETACH)) })
	dst := filepath.Join(small, "base")
	require.NoError(t, os.MkdirAll(filepath.Join(dst, "old"), 0o755))
	s := smallest()
	b := &build.Builder{CacheDir: userCache(t), MaxAge: -1}
	_, err := b.Build(t.Context(), s, dst)
	require.ErrorIs(t, err, syscall.ENOSPC, "while it is taken from memory")
	require.DirExists(t, filepath.Join(dst, "old"))
	only(t, small, "base")

	b.OnDisk = true
	_, err = b.Build(t.Context(), s, dst)
	require.ErrorIs(t, err, syscall.ENOSPC, "while dpkg unpacks")
	require.DirExists(t, filepath.Join(dst, "old"))
	only(t, small, "base")
}

// A tree that something is mounted in is not removed: what is mounted would be
// emptied.
func TestRealMountedLeftoversStay(t *testing.T) {
	needTools(t)
	dir, outside := t.TempDir(), t.TempDir()
	precious := filepath.Join(outside, "precious")
	require.NoError(t, os.WriteFile(precious, nil, 0o600))
	at := filepath.Join(dir, ".base.nfsroot-1/mnt")
	require.NoError(t, os.MkdirAll(at, 0o755))
	require.NoError(t, syscall.Mount(outside, at, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(at, syscall.MNT_DETACH)) })
	b := &build.Builder{CacheDir: t.TempDir()}
	_, err := b.Build(t.Context(), spec(), filepath.Join(dir, "base"))
	require.ErrorContains(t, err, "is mounted in it")
	require.FileExists(t, precious)
}
