package realtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/racktest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

// programs are those of this repository, built once for all tests.
var programs = struct {
	once sync.Once
	dir  string
	err  error
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.dir != "" {
		os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

// program returns the path of a program of this repository.
func program(t testing.TB, name string) string {
	t.Helper()
	goTool := peer.Look(t, "go")
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "realtest-"); programs.err != nil {
			return
		}
		// Not of this test alone: the others want them as well.
		programs.err = racktest.Build(context.Background(), goTool, programs.dir, "nfsroot", "netbootd")
	})
	require.NoError(t, programs.err)
	return filepath.Join(programs.dir, name)
}

// cacheSetting keeps packages and finished roots for the next run.
func cacheSetting() string { return fmt.Sprintf("cache = %q\n", racktest.CacheDir()) }
