//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package dns01

import (
	"errors"
	"os"
	"syscall"
)

// flock locks a file until it is closed, or the process ends.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrJournalInUse
	}
	return os.NewSyscallError("flock", err)
}
