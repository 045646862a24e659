package serialcon

import (
	"errors"

	"golang.org/x/sys/unix"
)

// hurries reports whether the far end of a port stands still unless the port is
// read at once. A Unix socket takes some 280 writes, however small, and QEMU's
// UART writes single bytes: looked at each 50 ms, it says 5 KB/s.
func hurries(port Pollable) bool {
	raw, err := port.SyscallConn()
	if err != nil {
		return false
	}
	domain := 0
	var inner error
	err = raw.Control(func(fd uintptr) {
		domain, inner = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN) // fails for a tty
	})
	return errors.Join(err, inner) == nil && domain == unix.AF_UNIX
}
