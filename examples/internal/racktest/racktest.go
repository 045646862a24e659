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
// those of their folders below examples.
func Build(ctx context.Context, goCommand, dir string, names ...string) error {
	return build(ctx, os.Environ(), goCommand, dir, names)
}

// BuildStatic is [Build] for programs that run in the root of a machine, whose C
// library is not this one's.
func BuildStatic(ctx context.Context, goCommand, dir string, names ...string) error {
	return build(ctx, append(os.Environ(), "CGO_ENABLED=0"), goCommand, dir, names)
}

func build(ctx context.Context, env []string, goCommand, dir string, names []string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, examples+name)
	}
	cmd := exec.CommandContext(ctx, goCommand, args...)
	cmd.Env = env
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
// ends. Its error has the last one of fn's in it that does not come from that end.
func Until(ctx context.Context, within time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last error
	for {
		err := fn(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		}
	}
}
