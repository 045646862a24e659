package farm_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/loopfs"
	"github.com/mythic-beasts/hostkit/nfsroot/clone"
	"github.com/mythic-beasts/hostkit/nfsroot/farm"
	"github.com/stretchr/testify/require"
)

// clock is the farm's time, which goes on by a second at each look.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// power counts cycles.
type power struct {
	mu     sync.Mutex
	cycled []string
	err    error
}

func (p *power) Cycle(_ context.Context, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.cycled = append(p.cycled, name)
	}
	return p.err
}

func own(root *os.Root, name string) error {
	return root.WriteFile("etc/hostname", []byte(name), 0o644)
}

func makeBase(t testing.TB, dir, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "srv"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc/version"), []byte(version), 0o644))
	for i := range 20 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("file", i)), []byte(version), 0o644))
	}
	return dir
}

// open opens a farm whose bases v1 and v2 exist.
func open(t testing.TB, dir string, o farm.Options) *farm.Farm {
	t.Helper()
	if o.Personalize == nil {
		o.Personalize = own
	}
	f, err := farm.Open(filepath.Join(dir, "farm"), o)
	require.NoError(t, err)
	bases, err := f.Bases()
	require.NoError(t, err)
	if len(bases) == 0 {
		for _, v := range []string{"v1", "v2"} {
			require.NoError(t, f.ImportBase(t.Context(), v, makeBase(t, t.TempDir(), v)))
		}
	}
	return f
}

// newFarm makes a farm by copying, in memory if the test is root's.
func newFarm(t testing.TB, o farm.Options) (f *farm.Farm, dir string) {
	t.Helper()
	dir = t.TempDir()
	if os.Geteuid() == 0 {
		dir = loopfs.Mount(t, "tmpfs", loopfs.Options{})
	}
	o.Cloner = clone.Copy{NoSync: true}
	return open(t, dir, o), dir
}

// version is what a Pi would boot.
func version(t testing.TB, f *farm.Farm, name string) string {
	t.Helper()
	v, err := os.ReadFile(filepath.Join(f.Root(name), "etc/version"))
	require.NoError(t, err)
	host, err := os.ReadFile(filepath.Join(f.Root(name), "etc/hostname"))
	require.NoError(t, err)
	require.Equal(t, name, string(host))
	return string(v)
}

func get(t testing.TB, f *farm.Farm, name string) farm.State {
	t.Helper()
	s, err := f.Get(name)
	require.NoError(t, err)
	return s
}

func left(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
