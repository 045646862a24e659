//go:build !linux

package linuxbridge

import (
	"context"
	"errors"

	"github.com/mythic-beasts/hostkit/vlan"
)

func (s *Switch) read(context.Context) (vlan.State, error) {
	return vlan.State{}, errors.ErrUnsupported
}

func (s *Switch) do(step vlan.Step, _ vlan.PortState) error {
	s.note(step)
	return errors.ErrUnsupported
}
