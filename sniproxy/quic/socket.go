package quic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/mythic-beasts/hostkit/sniproxy/backend"
)

// dialUDP is the [DialFunc] of a Server without one.
func dialUDP(ctx context.Context, addr netip.AddrPort, o backend.DialOptions) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var prepared error
		err := c.Control(func(fd uintptr) {
			prepared = errors.Join(doNotFragment(int(fd)), o.Source.Bind(int(fd), o.Client))
		})
		return errors.Join(err, prepared)
	}}
	conn, err := d.DialContext(ctx, "udp6", addr.String())
	if err != nil {
		return nil, fmt.Errorf("quic: socket to %v: %w", addr, err)
	}
	return conn, nil
}
