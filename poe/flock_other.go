//go:build !unix

package poe

import (
	"context"
	"errors"
	"fmt"
	"os"
)

func flock(context.Context, string) (*os.File, error) {
	return nil, fmt.Errorf("file locks: %w", errors.ErrUnsupported)
}
