//go:build unix

package sniproxy

import (
	"os"
	"syscall"
)

const canTryRead = true

// tryRead reads without waiting; again says that there was nothing yet.
func tryRead(fd uintptr, b []byte) (n int, again bool, err error) {
	for {
		n, err = syscall.Read(int(fd), b)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, true, nil
		case nil:
			return n, false, nil
		}
		return 0, false, os.NewSyscallError("read", err)
	}
}
