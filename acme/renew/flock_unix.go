//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package renew

import (
	"errors"
	"os"
	"syscall"
)

// tryFlock locks an open folder until it is closed, unless another has it locked.
func tryFlock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		}
		return err == nil, os.NewSyscallError("flock", err)
	}
}
