package netboot_test

import (
	"os"
	"syscall"
)

// copyNode makes a device node at to, of the same device as from.
func copyNode(from, to string) error {
	fi, err := os.Stat(from)
	if err != nil {
		return err
	}
	st := fi.Sys().(*syscall.Stat_t)
	return syscall.Mknod(to, st.Mode, int(st.Rdev))
}
