package dnsask

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/miekg/dns"
)

// RcodeError is an answer that is an error, by its RCODE.
type RcodeError int

func (e RcodeError) Error() string {
	if name, ok := dns.RcodeToString[int(e)]; ok {
		return "the answer is " + name
	}
	return fmt.Sprintf("the answer is RCODE %d", int(e))
}

// Unreachable says that this machine has no way to an address, as for IPv6 where
// there is none, so that nothing was learnt about the server.
func Unreachable(err error) bool {
	for _, errno := range []error{syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
