package nfsroot_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// put writes a file, in the place of whatever is there.
func put(name, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.RemoveAll(at))
		require.NoError(t, os.WriteFile(at, []byte(text), 0o644))
	}
}

func puts(files ...string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		for i := 0; i < len(files); i += 2 {
			put(files[i], files[i+1])(t, dir)
		}
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(filepath.Join(dir, name))) }
}

func link(target, name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		remove(name)(t, dir)
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
}

// content is the text of a file, "-" if there is none, "->target" of a link.
func content(t *testing.T, dir, name string) string {
	t.Helper()
	at := filepath.Join(dir, name)
	fi, err := os.Lstat(at)
	if os.IsNotExist(err) {
		return "-"
	}
	require.NoError(t, err)
	if fi.Mode().Type() == fs.ModeSymlink {
		target, err := os.Readlink(at)
		require.NoError(t, err)
		return "->" + target
	}
	text, err := os.ReadFile(at)
	require.NoError(t, err)
	return string(text)
}

// snapshot is every file of a tree with its mode and content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		text := fi.Mode().String()
		if fi.Mode().IsRegular() || fi.Mode().Type() == fs.ModeSymlink {
			text += " " + content(t, dir, name)
		}
		all[name] = text
		return nil
	}))
	return all
}
