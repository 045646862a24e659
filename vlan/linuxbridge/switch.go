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

// Save is not supported: what the kernel does ends with the bridge.
func (s *Switch) Save(context.Context) error {
	return s.wrap(fmt.Errorf("save the state of a bridge: %w: write it into the machine's network configuration", errors.ErrUnsupported))
}

func (s *Switch) wrap(err error) error {
	return fmt.Errorf("linuxbridge: bridge %q: %w", s.Bridge, err)
}

// note remembers what the kernel has no place for, and returns a port as the
// kernel should have it.
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
