package racktest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const examples = "github.com/mythic-beasts/hostkit/examples/"

// Build builds programs into a folder, with the Go command at a path. Names are
// those of their folders below examples. They are static, so that they also run
// in a root that lacks a C library like that of this machine.
func Build(ctx context.Context, goCommand, dir string, names ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, examples+name)
	}
	cmd := exec.CommandContext(ctx, goCommand, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("racktest: build %q: %w: %s", names, err, out)
	}
	return nil
}

// CacheDir is for packages and finished roots, the same in each run.
func CacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir() // a user who has no home, as under some CI runners
	}
	return filepath.Join(base, "hostkit", "realtest")
}

// interval is the time between two calls of what [Until] waits for.
const interval = 500 * time.Millisecond

// Until calls fn every half second until it returns nil, the time is up or ctx
// ends. Its error has the last one of fn's in it.
func Until(ctx context.Context, within time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(interval)
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
