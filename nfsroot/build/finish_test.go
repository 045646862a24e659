package build_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

// Names of one file are so in the root, and in what comes out of the cache.
func TestHardLinksStay(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{Tree: func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "usr/bin/first"), []byte("x"), 0o755); err != nil {
			return err
		}
		return os.Link(filepath.Join(dir, "usr/bin/first"), filepath.Join(dir, "usr/bin/second"))
	}})
	b.OnDisk = true
	dir := t.TempDir()
	for _, name := range []string{"built", "cached"} {
		dst := filepath.Join(dir, name)
		_, err := b.Build(t.Context(), spec(), dst)
		require.NoError(t, err)
		first, err := os.Stat(filepath.Join(dst, "usr/bin/first"))
		require.NoError(t, err)
		second, err := os.Stat(filepath.Join(dst, "usr/bin/second"))
		require.NoError(t, err)
		require.True(t, os.SameFile(first, second), name)
		require.EqualValues(t, 0o755, second.Mode().Perm())
	}
}

// A unit is masked whatever is at its name.
func TestMaskedUnits(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{Tree: func(dir string) error {
		units := filepath.Join(dir, "etc/systemd/system")
		if err := os.MkdirAll(filepath.Join(units, "folder.timer"), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(units, "own.service"), []byte("[Service]\n"), 0o644)
	}})
	s := spec()
	s.Mask = []string{"folder.timer", "own.service", "missing.timer"}
	dst := filepath.Join(t.TempDir(), "base")
	_, err := b.Build(t.Context(), s, dst)
	require.NoError(t, err)
	for _, unit := range s.Mask {
		to, err := os.Readlink(filepath.Join(dst, "etc/systemd/system", unit))
		require.NoError(t, err)
		require.Equal(t, "/dev/null", to)
	}
}

// The keys of an archive that is not Debian's come into the root, whose apt
// takes that archive's word by these alone.
func TestKeyringComesAlong(t *testing.T) {
	b := fake(t, &nfsroottest.Runner{})
	s := spec()
	s.Keyring = filepath.Join(t.TempDir(), "site.gpg")
	require.NoError(t, os.WriteFile(s.Keyring, []byte("keys"), 0o600))
	dst := filepath.Join(t.TempDir(), "base")
	_, err := b.Build(t.Context(), s, dst)
	require.NoError(t, err)
	key := filepath.Join(dst, "etc/apt/keyrings/site.gpg")
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	require.Equal(t, "keys", string(text))
	info, err := os.Stat(key)
	require.NoError(t, err)
	require.EqualValues(t, 0o644, info.Mode().Perm(), "the user _apt reads it")
	sources, err := os.ReadFile(filepath.Join(dst, "etc/apt/sources.list"))
	require.NoError(t, err)
	require.Contains(t, string(sources), "signed-by=/etc/apt/keyrings/site.gpg")
	require.NotContains(t, string(sources), filepath.Dir(s.Keyring))
}

// A tool that has no room in memory is run once more, on the disk.
func TestFullMemoryIsNotTheEnd(t *testing.T) {
	runner := &nfsroottest.Runner{Log: []string{"tar: ./x: No space left on device"}, ExitCode: 2}
	dir := t.TempDir()
	_, err := fake(t, runner).Build(t.Context(), spec(), filepath.Join(dir, "base"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	only(t, dir)
	runs := runner.Runs()
	require.Nil(t, runs[len(runs)-1].Stdout, "on the disk")
	for _, first := range runs[:len(runs)-1] { // none on a machine that has little memory
		require.NotNil(t, first.Stdout)
	}
}
