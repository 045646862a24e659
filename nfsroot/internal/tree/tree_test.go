package tree_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot/internal/tree"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T) (string, *os.Root) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return dir, root
}

func TestReadFile(t *testing.T) {
	dir, root := open(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("hello"), 0o600))
	require.NoError(t, os.Symlink("f", filepath.Join(dir, "link")))
	got, err := tree.ReadFile(root, "f", 5)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	_, err = tree.ReadFile(root, "f", 4)
	require.ErrorIs(t, err, tree.ErrTooLarge)
	_, err = tree.ReadFile(root, "link", 0)
	require.ErrorIs(t, err, tree.ErrNotRegular)
	_, err = tree.ReadFile(root, ".", 0)
	require.ErrorIs(t, err, tree.ErrNotRegular)
	_, err = tree.ReadFile(root, "missing", 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, `read "missing": no such file or directory`)
	_, err = tree.ReadFile(root, "../x", 0)
	require.ErrorContains(t, err, "escapes")
}

func TestWriteFile(t *testing.T) {
	dir, root := open(t)
	at := filepath.Join(dir, "a/b/f")
	require.NoError(t, tree.WriteFile(root, "a/b/f", tree.File{Data: []byte("one"), Mode: 0o711}))
	first, err := os.Stat(at)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o711), first.Mode())

	require.NoError(t, tree.WriteFile(root, "a/b/f", tree.File{Data: []byte("one"), Mode: 0o711}))
	same, err := os.Stat(at)
	require.NoError(t, err)
	require.True(t, os.SameFile(first, same), "what is right stays")

	require.NoError(t, tree.WriteFile(root, "a/b/f", tree.File{Data: []byte("two"), KeepOwner: true}))
	kept, err := os.Stat(at)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o711), kept.Mode())
	require.NoError(t, tree.WriteFile(root, "a/b/f", tree.File{Data: []byte("two")}))
	kept, err = os.Stat(at)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o644), kept.Mode())

	for _, name := range []string{"", ".", "/f", "../f", "a/../f", "a/b"} {
		require.Error(t, tree.WriteFile(root, name, tree.File{}), "%q", name)
	}
	require.ErrorContains(t, tree.WriteFile(root, "a/b/f/g", tree.File{}), "not a directory")
	names, err := os.ReadDir(filepath.Dir(at))
	require.NoError(t, err)
	require.Len(t, names, 1, "nothing temporary stays")
}

// TestWriteFileBreaksHardLinks also of a file that is the same.
func TestWriteFileBreaksHardLinks(t *testing.T) {
	dir, root := open(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("same"), 0o644))
	require.NoError(t, os.Chmod(filepath.Join(dir, "other"), 0o644))
	require.NoError(t, os.Link(filepath.Join(dir, "other"), filepath.Join(dir, "f")))
	require.NoError(t, tree.WriteFile(root, "f", tree.File{Data: []byte("same")}))
	other, err := os.Stat(filepath.Join(dir, "other"))
	require.NoError(t, err)
	f, err := os.Stat(filepath.Join(dir, "f"))
	require.NoError(t, err)
	require.False(t, os.SameFile(other, f))
}

func TestSymlink(t *testing.T) {
	dir, root := open(t)
	for _, target := range []string{"/dev/null", "/dev/null", "elsewhere"} {
		require.NoError(t, tree.Symlink(root, target, "a/link"))
		got, err := os.Readlink(filepath.Join(dir, "a/link"))
		require.NoError(t, err)
		require.Equal(t, target, got)
	}
	require.ErrorContains(t, tree.Symlink(root, "x", "a"), "a directory is in its place")
	require.ErrorIs(t, tree.Symlink(root, "x", ".."), fs.ErrInvalid)
}

func TestMkdir(t *testing.T) {
	dir, root := open(t)
	for _, mode := range []fs.FileMode{0o700, 0o755} {
		require.NoError(t, tree.Mkdir(root, "a/b", mode))
		fi, err := os.Stat(filepath.Join(dir, "a/b"))
		require.NoError(t, err)
		require.Equal(t, mode, fi.Mode().Perm())
	}
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "link")))
	require.ErrorContains(t, tree.Mkdir(root, "link", 0o700), "something else is in its place")
}

func TestWalk(t *testing.T) {
	dir, root := open(t)
	for _, name := range []string{"a/x", "a/b/y", "z"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "a/up")))
	var seen []string
	visit := func(e tree.Entry) error {
		seen = append(seen, e.Path)
		fi, err := e.Dir.Lstat(e.Name)
		require.NoError(t, err)
		require.True(t, os.SameFile(fi, e.Info), e.Path)
		return nil
	}
	require.NoError(t, tree.Walk(t.Context(), root, visit))
	slices.Sort(seen)
	require.Equal(t, []string{".", "a", "a/b", "a/b/y", "a/up", "a/x", "z"}, seen)

	stop := errors.New("stop")
	require.ErrorIs(t, tree.Walk(t.Context(), root, func(e tree.Entry) error {
		if e.Path == "z" {
			return stop
		}
		return nil
	}), stop)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, tree.Walk(ctx, root, visit), context.Canceled)
}

// TestWalkSurvivesChanges removes what the walk has yet to see.
func TestWalkSurvivesChanges(t *testing.T) {
	dir, root := open(t)
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name, "sub"), 0o755))
	}
	removed := false
	require.NoError(t, tree.Walk(t.Context(), root, func(e tree.Entry) error {
		if e.Path == "." || removed {
			return nil
		}
		removed = true
		for _, name := range []string{"a", "b", "c"} {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
		}
		return nil
	}))
}
