//go:build !linux

package netboottest

import (
	"errors"
	"fmt"
)

// ListenPacket returns an error that is [errors.ErrUnsupported].
func ListenPacket(ifname string) (Link, error) {
	return nil, fmt.Errorf("netboottest: listen on %s: needs Linux: %w", ifname, errors.ErrUnsupported)
}
