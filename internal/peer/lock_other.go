//go:build !linux

package peer

import "errors"

// lockFile is never reached where there is no apt-get.
func lockFile(string) (unlock func(), err error) { return nil, errors.ErrUnsupported }
