//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package filekv

import (
	"errors"
	"fmt"
	"os"
)

func tryFlock(*os.File) (bool, error) { return false, unflock(nil) }

func unflock(*os.File) error {
	return fmt.Errorf("locks between processes on this system: %w", errors.ErrUnsupported)
}
