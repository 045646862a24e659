//go:build !unix

package poe

import (
	"context"
	"errors"
	"fmt"
	"os"
)

func flock(context.Context, *os.File) error {
	return fmt.Errorf("file locks: %w", errors.ErrUnsupported)
}
