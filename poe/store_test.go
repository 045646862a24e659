package poe_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/poe"
	"github.com/mythic-beasts/hostkit/poe/poetest"
	"github.com/stretchr/testify/require"
)

func TestMemoryStoreConforms(t *testing.T) {
	poetest.TestStore(t, func(*testing.T) (a, b poe.Store) {
		s := &poe.MemoryStore{}
		return s, s
	})
}

func TestFileStoreConforms(t *testing.T) {
	poetest.TestStore(t, func(t *testing.T) (a, b poe.Store) {
		dir := filepath.Join(t.TempDir(), "made", "by need")
		return &poe.FileStore{Dir: dir}, &poe.FileStore{Dir: dir}
	})
}

func TestFileStoreIsItsOwnersOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permissions there")
	}
	dir := filepath.Join(t.TempDir(), "journal")
	s := &poe.FileStore{Dir: dir}
	_, err := s.Put(t.Context(), "k", []byte("v"), 0)
	require.NoError(t, err)
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Zero(t, info.Mode()&0o077, path)
		return nil
	}))
}

// A damaged file is named, and does not hide the others.
func TestFileStoreDamaged(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "no revision": "x\nv", "cut short": "17", "revision 0": "0\nv"} {
		t.Run(name, func(t *testing.T) {
			s := &poe.FileStore{Dir: t.TempDir()}
			for _, key := range []string{"a", "b", "c"} {
				_, err := s.Put(t.Context(), key, []byte("v"), 0)
				require.NoError(t, err)
			}
			file := filepath.Join(s.Dir, "b.entry")
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))

			_, _, err := s.Get(t.Context(), "b")
			require.ErrorContains(t, err, file+" is damaged")
			_, err = s.Put(t.Context(), "b", []byte("w"), 0)
			require.ErrorContains(t, err, "damaged")
			var keys []string
			err = s.List(t.Context(), "", func(key string, _ []byte, _ int64) error {
				keys = append(keys, key)
				return nil
			})
			require.ErrorContains(t, err, "damaged")
			require.Equal(t, []string{"a", "c"}, keys)

			_, err = s.Put(t.Context(), "b", nil, -1)
			require.NoError(t, err, "it can be removed on purpose")
		})
	}
}

func TestFileStoreRefuses(t *testing.T) {
	_, err := (&poe.FileStore{}).Put(t.Context(), "k", []byte("v"), 0)
	require.ErrorContains(t, err, "Dir is empty")
	s := &poe.FileStore{Dir: t.TempDir()}
	_, err = s.Put(t.Context(), strings.Repeat("k", 300), []byte("v"), 0)
	require.ErrorIs(t, err, fs.ErrInvalid)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	s = &poe.FileStore{Dir: filepath.Join(file, "below")}
	_, err = s.Put(t.Context(), "k", []byte("v"), 0)
	_, ok := errors.AsType[*fs.PathError](err)
	require.True(t, ok, err)
	_, _, err = s.Lock(t.Context(), "k")
	require.Error(t, err)
}

// What a crash left beside an entry is no entry.
func TestFileStoreLeftovers(t *testing.T) {
	s := &poe.FileStore{Dir: t.TempDir()}
	_, err := s.Put(t.Context(), "k", []byte("v"), 0)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.Dir, "k.entry.new"), []byte("9"), 0o600))
	n := 0
	require.NoError(t, s.List(t.Context(), "", func(_ string, val []byte, _ int64) error {
		n++
		require.Equal(t, "v", string(val))
		return nil
	}))
	require.Equal(t, 1, n)
	_, err = s.Put(t.Context(), "k", []byte("w"), -1)
	require.NoError(t, err)
}
