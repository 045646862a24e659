package ovs

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/vlan"
)

// Switch is a bridge. Bridge is required; each other field has a default. It may
// be used by many goroutines, which wait for each other; two Switches of one
// bridge must not change it at the same time.
type Switch struct {
	// Bridge is the bridge's name.
	Bridge string
	// Database is where the database listens, as ovs-vsctl's option --db takes
	// it: "unix:/run/openvswitch/db.sock" or "ssl:[2001:db8::1]:6640". Empty
	// means ovs-vsctl's own default.
	Database string
	// Program is the path of ovs-vsctl. Empty means the one in PATH.
	Program string
	// Timeout is how long Open vSwitch may take for one transaction, until its
	// datapath works accordingly. Zero means 10 s.
	Timeout time.Duration
	// Run runs ovs-vsctl with arguments and returns its standard output. nil
	// runs Program on this machine.
	Run func(ctx context.Context, args []string) ([]byte, error)

	mu sync.Mutex // held from reading what there is to writing what it becomes
}

var _ vlan.BatchDriver = (*Switch)(nil)

// Read returns all ports of the bridge, its own among them, which has the
// bridge's name and leads to the machine itself.
func (s *Switch) Read(ctx context.Context) (vlan.State, error) {
	b, err := s.read(ctx)
	if err != nil {
		return vlan.State{}, err
	}
	return b.state(), nil
}

// Do makes one change.
func (s *Switch) Do(ctx context.Context, step vlan.Step) error {
	return s.DoAll(ctx, []vlan.Step{step})
}

// DoAll makes the changes in one transaction: all or none.
func (s *Switch) DoAll(ctx context.Context, steps []vlan.Step) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.read(ctx)
	if err != nil {
		return err
	}
	before := b.state()
	after := before
	for _, step := range steps {
		if err := b.known(step); err != nil {
			return fmt.Errorf("ovs: bridge %q: %w", s.Bridge, err)
		}
		if after, err = after.After(step); err != nil {
			return fmt.Errorf("ovs: bridge %q: %w", s.Bridge, err)
		}
	}
	args := b.changes(before, after)
	if len(args) == 0 {
		return nil
	}
	_, err = s.vsctl(ctx, args)
	return err
}

// Save does nothing: the database is what the switch starts with.
func (s *Switch) Save(ctx context.Context) error { return ctx.Err() }

// bridge is the bridge's rows of the database.
type bridge struct {
	uuid  string
	names map[vlan.VID]string // of VLANs
	ports map[string]port
}

// port is a row of the table Port.
type port struct {
	uuid string
	columns
	mode string // what was asked for, as noted
	was  string // the columns before, as noted, if it was in all VLANs then
}

// known refuses ports that are not there. Names go to the database as part of
// nothing: ports are changed by their UUID.
func (b *bridge) known(step vlan.Step) error {
	switch step.Op {
	case vlan.CreateVLAN, vlan.RenameVLAN, vlan.DeleteVLAN:
		return nil
	case vlan.SetIngress:
		if !step.On {
			return fmt.Errorf("%v: Open vSwitch always filters what comes in: %w", step, vlan.ErrUnsupported)
		}
	}
	if _, ok := b.ports[step.Port]; !ok {
		return fmt.Errorf("port %q: %w", step.Port, fs.ErrNotExist)
	}
	return nil
}

// state is what the rows mean. Open vSwitch has no list of VLANs: there are those
// that have a name noted, and those that a port is in which is not in nearly all.
func (b *bridge) state() vlan.State {
	st := vlan.State{
		VLANs: maps.Clone(b.names),
		Ports: make(map[string]vlan.PortState, len(b.ports)),
		Can:   vlan.CanFrames | vlan.CanIsolate | vlan.CanEdge | vlan.CanName,
	}
	for name, p := range b.ports {
		ps := p.state()
		st.Ports[name] = ps
		exist(st.VLANs, ps.Untagged.With(ps.PVID))
		if !wide(ps) {
			exist(st.VLANs, ps.Tagged)
		}
	}
	for name, ps := range st.Ports {
		st.Ports[name] = among(st.VLANs, ps)
	}
	return st
}

// exist adds VLANs that have no name.
func exist(names map[vlan.VID]string, vids vlan.VIDs) {
	for _, v := range vids {
		if !keyed(names, v) && v.Valid() {
			names[v] = ""
		}
	}
}

// changes are the commands that lead from one state to another.
func (b *bridge) changes(before, after vlan.State) []string {
	var args []string
	var made vlan.VIDs
	for v := range after.VLANs {
		if !keyed(before.VLANs, v) {
			made = made.With(v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after.Ports)) {
		was, is, p := before.Ports[name], after.Ports[name], b.ports[name]
		switch {
		case wide(p.state()) && narrows(was, is):
			args = append(args, p.narrow(was, is, made)...)
		case !was.Equal(is):
			args = append(args, p.set(is, after.VLANs, made)...)
		}
	}
	for _, vid := range slices.Sorted(maps.Keys(after.VLANs)) {
		if name := after.VLANs[vid]; made.Contains(vid) || b.names[vid] != name {
			args = append(args, "--", "set", "Bridge", b.uuid, "external_ids:"+vlanKey(vid)+"="+strconv.Quote(name))
		}
	}
	for _, vid := range slices.Sorted(maps.Keys(b.names)) {
		if !keyed(after.VLANs, vid) {
			args = append(args, "--", "remove", "Bridge", b.uuid, "external_ids", vlanKey(vid))
		}
	}
	return args
}

func keyed(m map[vlan.VID]string, v vlan.VID) bool {
	_, ok := m[v]
	return ok
}

const vlanPrefix = "hostkit-vlan-"

func vlanKey(v vlan.VID) string { return vlanPrefix + strconv.Itoa(int(v)) }
