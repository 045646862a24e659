package nfsroottest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

// describe lists what a tree holds, with modes and contents.
func describe(t *testing.T, dir string) map[string]string {
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
		text := fi.Mode().String()
		switch {
		case fi.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(at)
			require.NoError(t, err)
			text += " " + target
		case fi.Mode().IsRegular():
			content, err := os.ReadFile(at)
			require.NoError(t, err)
			text += " " + string(content)
		}
		name, err := filepath.Rel(dir, at)
		all[name] = text
		return err
	}))
	return all
}

func TestGoldenTreeIsTheSameEachTime(t *testing.T) {
	first := describe(t, nfsroottest.GoldenTree(t))
	require.Equal(t, first, describe(t, nfsroottest.GoldenTree(t)))
	require.Contains(t, first["bin"], "usr/bin")
	require.Contains(t, first["usr/bin/ping"], "urwxr-xr-x")
	require.Contains(t, first["etc/shadow"], "root:*:")
}

// TestGoldenDatabase checks that dpkg's lists name what is there, and that each
// package has a list and a version.
func TestGoldenDatabase(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	status, err := os.ReadFile(filepath.Join(dir, "var/lib/dpkg/status"))
	require.NoError(t, err)
	lists, err := filepath.Glob(filepath.Join(dir, "var/lib/dpkg/info/*.list"))
	require.NoError(t, err)
	require.Len(t, lists, strings.Count(string(status), "Package: "))
	for _, list := range lists {
		name := strings.TrimSuffix(filepath.Base(list), ".list")
		require.Contains(t, string(status), "Package: "+name+"\n")
		text, err := os.ReadFile(list)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			_, err := os.Lstat(filepath.Join(dir, strings.TrimSuffix(line, "\n")))
			require.NoError(t, err, "%s lists %s", name, line)
		}
	}
}

func TestWriteTreeErrors(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "root"), nil, 0o600))
	require.Error(t, nfsroottest.WriteTree(filepath.Join(dir, "root")))
	require.NoError(t, nfsroottest.WriteTree(filepath.Join(dir, "other")))
	require.ErrorIs(t, nfsroottest.WriteTree(filepath.Join(dir, "other")), fs.ErrExist, "it does not write over a tree")
}
