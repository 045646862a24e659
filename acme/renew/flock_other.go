//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package renew

import (
	"errors"
	"fmt"
	"os"
)

func tryFlock(*os.File) (bool, error) {
	return false, fmt.Errorf("locks between processes on this system: %w", errors.ErrUnsupported)
}
