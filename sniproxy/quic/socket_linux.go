package quic

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// doNotFragment has the kernel send datagrams whole or not at all (RFC 9000 section
// 14): the ends find out how long they may be, and IPv6 headers are longer than
// those that the client reckons with.
func doNotFragment(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE); err != nil {
		return fmt.Errorf("quic: set IPV6_MTU_DISCOVER: %w", err)
	}
	return nil
}
