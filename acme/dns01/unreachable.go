package dns01

import (
	"errors"
	"syscall"
)

// unreachable says that this machine has no way to an address, as for IPv6 where
// there is none, so that nothing was learnt about the server.
func unreachable(err error) bool {
	for _, errno := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
