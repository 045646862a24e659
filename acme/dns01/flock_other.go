//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package dns01

import (
	"errors"
	"fmt"
	"os"
)

func flock(*os.File) error {
	return fmt.Errorf("locks between processes on this system: %w", errors.ErrUnsupported)
}
