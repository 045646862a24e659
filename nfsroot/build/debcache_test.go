package build_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/build"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

// fetching is a runner that behaves as apt does: it takes the packages that are
// there, and fetches the others.
type fetching struct {
	nfsroottest.Runner
	fetched []string
}

// packages of the golden tree, by what apt calls their files.
func (f *fetching) run(t *testing.T, b *build.Builder) map[string]string {
	t.Helper()
	b.MaxAge = -1
	m, err := b.BuildTar(t.Context(), spec(), io.Discard)
	require.NoError(t, err)
	sums := map[string]string{}
	for _, p := range m.Packages {
		sums[p.Name] = p.SHA256
	}
	return sums
}

func (f *fetching) fetch(t *testing.T, names ...string) func(string) error {
	return func(string) error {
		runs := f.Runs()
		archives := runs[len(runs)-1].Args[3]
		for _, name := range names {
			file := filepath.Join(archives, name)
			if _, err := os.Stat(file); err == nil {
				continue
			}
			f.fetched = append(f.fetched, name)
			if err := os.WriteFile(file, []byte("content of "+name), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestPackagesAreKept(t *testing.T) {
	f := &fetching{}
	b := fake(t, &f.Runner)
	var name, file string
	f.Tree = func(string) error { return nil }
	m, err := b.BuildTar(t.Context(), spec(), io.Discard)
	require.NoError(t, err)
	for _, p := range m.Packages {
		name, file = p.Name, p.Name+"_"+p.Version+"_"+p.Arch+".deb"
		require.Empty(t, p.SHA256)
	}
	f.Tree = f.fetch(t, file, "other_1_all.deb")
	sum := f.run(t, b)[name]
	require.Len(t, sum, 64)
	require.Len(t, f.fetched, 2)

	f.run(t, b)
	require.Len(t, f.fetched, 2, "both were kept")

	kept, err := filepath.Glob(filepath.Join(b.CacheDir, "packages/*/debs", sum, file))
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.NoError(t, os.WriteFile(kept[0], []byte("Content of "+file), 0o644))
	require.Equal(t, sum, f.run(t, b)[name])
	require.Equal(t, file, f.fetched[2], "one was damaged, at the same size, and is fetched again")

	old := time.Now().Add(-60 * 24 * time.Hour)
	dirs, err := filepath.Glob(filepath.Join(b.CacheDir, "packages/*/debs/*"))
	require.NoError(t, err)
	require.Len(t, dirs, 2)
	for _, dir := range dirs {
		require.NoError(t, os.Chtimes(dir, old, old))
	}
	f.Tree = f.fetch(t, file)
	f.run(t, b)
	left, err := filepath.Glob(filepath.Join(b.CacheDir, "packages/*/debs/*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Dir(kept[0])}, left, "what is used stays")
}
