package atomicfile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/atomicfile"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state")
	require.NoError(t, os.WriteFile(name, []byte("old, and open to all"), 0o644))
	require.NoError(t, atomicfile.Replace(name, []byte("new")))
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "new", string(data))
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	requireAlone(t, dir)
}

// A file that cannot be replaced leaves nothing beside it.
func TestReplaceFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "state")
	require.NoError(t, os.MkdirAll(filepath.Join(name, "in the way"), 0o700))
	require.Error(t, atomicfile.Replace(name, []byte("new")))
	requireAlone(t, dir)
	require.ErrorIs(t, atomicfile.Replace(filepath.Join(dir, "none", "state"), nil), os.ErrNotExist)
}

func requireAlone(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	unlock, err := atomicfile.Lock(name)
	require.NoError(t, err)
	_, err = atomicfile.Lock(name)
	require.ErrorContains(t, err, "is another process using it?")
	require.NoError(t, unlock())
	unlock, err = atomicfile.Lock(name)
	require.NoError(t, err)
	require.NoError(t, unlock())
	_, err = atomicfile.Lock(filepath.Join(name, "under a file"))
	require.Error(t, err)
}
