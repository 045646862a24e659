package linuxbridge

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mythic-beasts/hostkit/vlan"
)

// ErrNotFiltering is wrapped by errors about a bridge that does not look at VLANs.
var ErrNotFiltering = errors.New("the bridge does not filter VLANs: every port reaches every other (ip link set type bridge vlan_filtering 1)")

// Switch is a bridge of the network namespace in which its methods are called.
// Bridge is required. It may be used by many goroutines, which wait for each
// other.
type Switch struct {
	// Bridge is the name of the bridge.
	Bridge string
	// Keep writes what the bridge does into the machine's own configuration. nil
	// means that Save is not supported.
	Keep func(ctx context.Context, state vlan.State) error

	mu    sync.Mutex          // guards what follows, and is held while there is a change
	made  map[vlan.VID]bool   // VLANs that were made
	pvids map[string]vlan.VID // PVIDs of ports that are no members
}

var _ vlan.BatchDriver = (*Switch)(nil)

// Read returns the ports of the bridge, and the bridge itself as the port of its
// own name, which leads to the machine.
func (s *Switch) Read(ctx context.Context) (vlan.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.read(ctx)
	if err != nil {
		return vlan.State{}, s.wrap(err)
	}
	return st, nil
}

// Do makes one change.
func (s *Switch) Do(ctx context.Context, step vlan.Step) error {
	return s.DoAll(ctx, []vlan.Step{step})
}

// DoAll makes changes one after the other, up to the first that the kernel
// refuses.
func (s *Switch) DoAll(ctx context.Context, steps []vlan.Step) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.read(ctx)
	if err != nil {
		return s.wrap(err)
	}
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return s.wrap(fmt.Errorf("%v: %w", step, err))
		}
		after, err := st.After(step)
		if err != nil {
			return s.wrap(err)
		}
		if err := s.do(step, st.Ports[step.Port]); err != nil {
			return s.wrap(fmt.Errorf("%v: %w", step, err))
		}
		st = after
	}
	return nil
}

// Save calls Keep with what the bridge does: the kernel forgets it at the end of
// the bridge.
func (s *Switch) Save(ctx context.Context) error {
	if s.Keep == nil {
		return s.wrap(fmt.Errorf("save the state of a bridge: %w: set Keep, or write it into the machine's network configuration", errors.ErrUnsupported))
	}
	state, err := s.Read(ctx)
	if err != nil {
		return err
	}
	if err := s.Keep(ctx, state); err != nil {
		return s.wrap(fmt.Errorf("keep the state of the bridge: %w", err))
	}
	return nil
}

func (s *Switch) wrap(err error) error {
	return fmt.Errorf("linuxbridge: bridge %q: %w", s.Bridge, err)
}

// note remembers a VLAN, for which the kernel has no place while it has no
// member.
func (s *Switch) note(step vlan.Step) {
	switch step.Op {
	case vlan.CreateVLAN:
		if s.made == nil {
			s.made = make(map[vlan.VID]bool)
		}
		s.made[step.VID] = true
	case vlan.DeleteVLAN:
		delete(s.made, step.VID)
	}
}
