package filestore_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/filestore"
	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/stretchr/testify/require"
)

func TestStore(t *testing.T) {
	var dir string
	kvtest.Test(t, kvtest.Backend{
		New: func(t *testing.T) kvtest.Opener {
			dir = filepath.Join(t.TempDir(), "state")
			return func() (kvtest.Store, error) { return filestore.New(dir) }
		},
		Lose: func(t *testing.T, name string) {
			require.NoError(t, os.Remove(filepath.Join(dir, ".store", "locks", name+".kv")))
		},
	})
}

func TestFilesAreAsDocumented(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s, err := filestore.New(dir)
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Put(t.Context(), "dnssec/zone/example.com", []byte("value"), 0)
	require.NoError(t, err)
	file := filepath.Join(dir, "dnssec", "zone", "example.com.kv")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Regexp(t, `^hostkit-kv 1 rev 1 length 5 crc32c [0-9a-f]{8}\nvalue$`, string(data))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())

	require.NoError(t, os.WriteFile(file, data[:len(data)-1], 0o600))
	_, _, err = s.Get(t.Context(), "dnssec/zone/example.com")
	require.ErrorIs(t, err, filestore.ErrDamaged)
	require.ErrorContains(t, err, "dnssec/zone/example.com")
}

func TestNewRefusesAnOpenFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	_, err := filestore.New(dir)
	require.ErrorContains(t, err, "chmod")
}
