//go:build !unix

package dhcp

import "os"

// lockFile creates path. There is no lock here.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
