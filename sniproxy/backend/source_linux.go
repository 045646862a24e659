package backend

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Bind binds an AF_INET6 socket that is not connected yet to the address for
// client, with the options that this needs. It does nothing when the kernel is to
// choose. It is for callers that own their descriptors; outside Linux it returns
// errors.ErrUnsupported where there is something to bind.
func (s *Source) Bind(fd int, client netip.Addr) error {
	addr, freebind := s.Addr(client)
	if !addr.IsValid() {
		return nil
	}
	if err := bindOptions(fd, freebind); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet6{Addr: addr.As16()}); err != nil {
		return fmt.Errorf("backend: bind source %v: %w", addr, err)
	}
	return nil
}

func bindOptions(fd int, freebind bool) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("backend: source: set IP_BIND_ADDRESS_NO_PORT: %w", err)
	}
	if freebind {
		if err := unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_FREEBIND, 1); err != nil {
			return fmt.Errorf("backend: source: set IPV6_FREEBIND: %w", err)
		}
	}
	return nil
}
