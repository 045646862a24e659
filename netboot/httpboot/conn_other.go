//go:build !linux

package httpboot

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// arrivedOn returns the name of the interface that c came in on, "" when it is
// not known.
func arrivedOn(c net.Conn) string {
	if a, ok := c.LocalAddr().(*net.TCPAddr); ok {
		return a.Zone
	}
	return ""
}

// Listen listens for connections that come in on one interface: on Linux only.
func Listen(_ context.Context, iface string, _ uint16) (net.Listener, error) {
	return nil, fmt.Errorf("httpboot: listen on interface %q: %w: use net.Listen", iface, errors.ErrUnsupported)
}
