//go:build !linux

package nfsroottest

import (
	"errors"
	"fmt"
)

func probes() []probe {
	return []probe{{name: "platform", ask: func(place) error {
		return fmt.Errorf("nfsroottest: probes need Linux: %w", errors.ErrUnsupported)
	}}}
}
