package realtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
		const module = "github.com/mythic-beasts/hostkit/"
		cmd := exec.Command(goTool, "build", "-o", programs.dir+"/",
			module+"examples/nfsroot", module+"examples/netbootd")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			programs.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	require.NoError(t, programs.err)
	return filepath.Join(programs.dir, name)
}

// until calls fn every half second until it returns nil or the time is up.
func until(ctx context.Context, within time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		err := fn(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// cacheSetting keeps packages and finished roots for the next run.
func cacheSetting(t testing.TB) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir() // a user who has no home, as under some CI runners
	}
	return fmt.Sprintf("cache = %q\n", filepath.Join(base, "hostkit", "realtest"))
}
