//go:build !linux

package farm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

const tempPrefix = ".push-"

func unsupported() error {
	return fmt.Errorf("farms on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func exchange(_, _ string) error { return unsupported() }

func handleOf(string) (string, error) { return "", unsupported() }

func lockFile(string) (unlock func(), err error) { return nil, unsupported() }

func syncAll(string) error { return unsupported() }

type rootDir struct{}

func openRoot(_, _ string) (*rootDir, error) { return nil, unsupported() }

func (*rootDir) close() {}

func (*rootDir) put(context.Context, string, *stage, *pushedTree, PushOptions, *PiReport) error {
	return unsupported()
}

func (*rootDir) remove(context.Context, string, *stage, *pushedTree, *PiReport) error {
	return unsupported()
}

func (*rootDir) drift(context.Context, string, *pushedTree, *PiReport) error { return unsupported() }
