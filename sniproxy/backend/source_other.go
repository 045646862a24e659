//go:build !linux

package backend

import (
	"errors"
	"fmt"
	"net/netip"
)

// Bind binds an AF_INET6 socket that is not connected yet to the address for
// client, with the options that this needs. It does nothing when the kernel is to
// choose. It is for callers that own their descriptors; outside Linux it returns
// errors.ErrUnsupported where there is something to bind.
func (s *Source) Bind(_ int, client netip.Addr) error {
	if addr, _ := s.Addr(client); addr.IsValid() {
		return fmt.Errorf("backend: bind source %v: %w", addr, errors.ErrUnsupported)
	}
	return nil
}

func bindOptions(_ int, freebind bool) error {
	if freebind {
		return fmt.Errorf("backend: source: bind a foreign address: %w", errors.ErrUnsupported)
	}
	return nil
}
