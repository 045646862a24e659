//go:build linux

package sniproxy

import (
	"errors"
	"fmt"
)

func newFastEngine(*running) (fastEngine, error) {
	return nil, fmt.Errorf("sniproxy: Epoll engine: %w", errors.ErrUnsupported)
}
