//go:build !linux

package nfsroot

import (
	"errors"
	"fmt"
)

func mountPoints() ([]string, error) {
	return nil, fmt.Errorf("list mounts: %w", errors.ErrUnsupported)
}
