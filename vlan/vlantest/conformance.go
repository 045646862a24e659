package vlantest

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/mythic-beasts/hostkit/vlan"
)

// Subject is a driver under test and what the tests may use of its switch.
type Subject struct {
	// Driver is the driver.
	Driver vlan.Driver
	// Ports are at least three that the tests may change at will.
	Ports []string
	// VIDs are at least five VLANs that do not exist.
	VIDs []vlan.VID
}

// TestDriver tests a driver against what [vlan.Driver] promises. Open is called for
// each test; the switch may be the same, if it is in the same state again.
func TestDriver(t *testing.T, open func(t *testing.T) Subject) {
	for name, test := range map[string]func(t *testing.T, s Subject){
		"reads all ports":          readsPorts,
		"makes and deletes VLANs":  makesVLANs,
		"names VLANs":              namesVLANs,
		"joins and leaves":         joinsAndLeaves,
		"sets PVIDs":               setsPVIDs,
		"sets properties":          setsProperties,
		"refuses what it cannot":   refusesFeatures,
		"refuses unknown ports":    refusesUnknown,
		"ends with its context":    endsWithContext,
		"applies and verifies":     applies,
		"applies nothing twice":    appliesNothingTwice,
		"only looks in a dry run":  dryRun,
		"rolls back from any step": rollsBack,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if len(s.Ports) < 3 || len(s.VIDs) < 5 {
				t.Fatalf("the tests need 3 ports and 5 VLANs, and have %d and %d", len(s.Ports), len(s.VIDs))
			}
			test(t, s)
		})
	}
}

func (s Subject) read(t *testing.T) vlan.State {
	t.Helper()
	state, err := s.Driver.Read(t.Context())
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return state
}

// do does a step, sees it in the state read back, and does it again.
func (s Subject) do(t *testing.T, step vlan.Step) {
	t.Helper()
	for range 2 {
		if err := s.Driver.Do(t.Context(), step); err != nil {
			t.Fatalf("%v: %v", step, err)
		}
		if now := s.read(t); !step.In(now) {
			t.Fatalf("%v: not so when read back: %v", step, now.Ports[step.Port])
		}
	}
}

func readsPorts(t *testing.T, s Subject) {
	now := s.read(t)
	for _, name := range s.Ports {
		if _, there := now.Ports[name]; !there {
			t.Errorf("port %q is not among %v", name, slices.Sorted(maps.Keys(now.Ports)))
		}
	}
	for _, v := range s.VIDs {
		if name, there := now.VLANs[v]; there {
			t.Errorf("VLAN %d exists: %q", v, name)
		}
	}
	for name, p := range now.Ports {
		all := slices.Concat(p.Untagged, p.Tagged)
		if !slices.Equal(p.Untagged, vlan.NewVIDs(p.Untagged...)) || !slices.Equal(p.Tagged, vlan.NewVIDs(p.Tagged...)) ||
			len(vlan.NewVIDs(all...)) != len(all) {
			t.Errorf("port %q: VLANs are not in order, or twice: %v", name, p)
		}
	}
	// A state belongs to who asked for it.
	clear(now.Ports)
	if len(s.read(t).Ports) < len(s.Ports) {
		t.Error("a state that was read changed the next one")
	}
}

func makesVLANs(t *testing.T, s Subject) {
	v := s.VIDs[0]
	s.do(t, vlan.Step{Op: vlan.CreateVLAN, VID: v, Name: "pi-one"})
	s.do(t, vlan.Step{Op: vlan.DeleteVLAN, VID: v})
}

func namesVLANs(t *testing.T, s Subject) {
	if !s.read(t).Can.Has(vlan.CanName) {
		t.Skip("the driver names no VLANs")
	}
	v := s.VIDs[0]
	s.do(t, vlan.Step{Op: vlan.CreateVLAN, VID: v, Name: "pi-one"})
	s.do(t, vlan.Step{Op: vlan.RenameVLAN, VID: v, Name: "pi-two-of-thirty-two-letters-abc"})
	s.do(t, vlan.Step{Op: vlan.DeleteVLAN, VID: v})
}

func joinsAndLeaves(t *testing.T, s Subject) {
	s.create(t, s.VIDs[:2]...)
	p, other := s.Ports[0], s.Ports[1]
	was := s.read(t).Ports[other]
	s.do(t, vlan.Step{Op: vlan.Join, Port: p, VID: s.VIDs[0], Untagged: true})
	s.do(t, vlan.Step{Op: vlan.Join, Port: p, VID: s.VIDs[1]})
	s.do(t, vlan.Step{Op: vlan.SetPVID, Port: p, VID: s.VIDs[0]})
	now := s.read(t)
	if !now.Ports[p].Untagged.Contains(s.VIDs[0]) || !now.Ports[p].Tagged.Contains(s.VIDs[1]) {
		t.Errorf("port %s is %v", p, now.Ports[p])
	}
	if !now.Ports[other].Equal(was) {
		t.Errorf("port %s was %v and is %v", other, was, now.Ports[other])
	}
	s.do(t, vlan.Step{Op: vlan.Leave, Port: p, VID: s.VIDs[1]})
	s.do(t, vlan.Step{Op: vlan.Join, Port: p, VID: s.VIDs[1]})
}

func setsPVIDs(t *testing.T, s Subject) {
	s.create(t, s.VIDs[:2]...)
	p := s.Ports[0]
	for _, v := range s.VIDs[:2] {
		s.do(t, vlan.Step{Op: vlan.Join, Port: p, VID: v, Untagged: true})
		s.do(t, vlan.Step{Op: vlan.SetPVID, Port: p, VID: v})
	}
	s.do(t, vlan.Step{Op: vlan.Leave, Port: p, VID: s.VIDs[0]})
	now := s.read(t).Ports[p]
	if now.PVID != s.VIDs[1] || !now.Untagged.Contains(s.VIDs[1]) || now.Member(s.VIDs[0]) {
		t.Errorf("port %s is %v", p, now)
	}
}

func (s Subject) create(t *testing.T, ids ...vlan.VID) {
	t.Helper()
	for i, v := range ids {
		s.do(t, vlan.Step{Op: vlan.CreateVLAN, VID: v, Name: "pi-" + string(rune('a'+i))})
	}
}

func properties(port string) map[vlan.Feature][]vlan.Step {
	return map[vlan.Feature][]vlan.Step{
		vlan.CanIngress: {{Op: vlan.SetIngress, Port: port, On: true}, {Op: vlan.SetIngress, Port: port}},
		vlan.CanFrames: {
			{Op: vlan.SetFrames, Port: port, Frames: vlan.TaggedFrames}, {Op: vlan.SetFrames, Port: port, Frames: vlan.AllFrames},
		},
		vlan.CanIsolate: {{Op: vlan.SetIsolated, Port: port, On: true}, {Op: vlan.SetIsolated, Port: port}},
		vlan.CanEdge:    {{Op: vlan.SetEdge, Port: port, On: true}, {Op: vlan.SetEdge, Port: port}},
	}
}

func setsProperties(t *testing.T, s Subject) {
	can := s.read(t).Can
	for feature, steps := range properties(s.Ports[0]) {
		if !can.Has(feature) {
			continue
		}
		for _, step := range steps {
			s.do(t, step)
		}
	}
}

func refusesFeatures(t *testing.T, s Subject) {
	can := s.read(t).Can
	for feature, steps := range properties(s.Ports[0]) {
		if can.Has(feature) {
			continue
		}
		for _, step := range steps {
			if err := s.Driver.Do(t.Context(), step); !errors.Is(err, vlan.ErrUnsupported) && !step.In(s.read(t)) {
				t.Errorf("%v: %v rather than ErrUnsupported", step, err)
			}
		}
	}
}

func refusesUnknown(t *testing.T, s Subject) {
	s.create(t, s.VIDs[0])
	before := s.read(t)
	const nowhere = "no-such-port/99"
	err := s.Driver.Do(t.Context(), vlan.Step{Op: vlan.Join, Port: nowhere, VID: s.VIDs[0]})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a port that is not there: %v rather than fs.ErrNotExist", err)
	}
	for _, step := range []vlan.Step{
		{Op: vlan.Join, Port: s.Ports[0], VID: s.VIDs[4]}, {Op: vlan.CreateVLAN, VID: 4095, Name: "pi-x"},
		{Op: vlan.CreateVLAN, Name: "pi-x"}, {Op: 99, Port: s.Ports[0], VID: s.VIDs[0]},
	} {
		if s.Driver.Do(t.Context(), step) == nil {
			t.Errorf("%v is no error", step)
		}
	}
	if now := s.read(t); !now.Equal(before) {
		t.Errorf("what failed changed something: %v, and was %v", now, before)
	}
}

func endsWithContext(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Driver.Read(ctx); err == nil {
		t.Error("Read went on without its context")
	}
	if s.Driver.Do(ctx, vlan.Step{Op: vlan.CreateVLAN, VID: s.VIDs[0], Name: "pi-a"}) == nil {
		t.Error("Do went on without its context")
	}
	if s.Driver.Save(ctx) == nil {
		t.Error("Save went on without its context")
	}
	s.read(t)
}

// plan is one with a Pi in every port of the subject but the last, which is the
// trunk.
func (s Subject) plan(t *testing.T) *vlan.Plan {
	t.Helper()
	last := len(s.Ports) - 1
	spec := vlan.Spec{
		Private: netip.MustParsePrefix("10.64.0.0/16"), Native: s.VIDs[0],
		Public: vlan.Public{VID: s.VIDs[1], Prefix: netip.MustParsePrefix("2001:db8::/64")},
		Pinned: make(map[string]vlan.Pin),
	}
	spec.FileServer.Iface = "eth0"
	shelf := vlan.Shelf{Name: "shelf", Switches: []vlan.Switch{{Name: "switch", Uplink: vlan.Uplink{Port: s.Ports[last]}}}}
	for i, v := range s.VIDs[2:] {
		if i == last {
			break
		}
		name := "pi-" + string(rune('a'+i))
		shelf.Pis = append(shelf.Pis, vlan.Host{Name: name, Port: s.Ports[i]})
		spec.Pinned[name] = vlan.Pin{VID: v}
	}
	spec.Shelves = []vlan.Shelf{shelf}
	p, err := vlan.Build(spec, nil)
	if err != nil {
		t.Fatalf("the tests' plan: %v", err)
	}
	return p
}

func (s Subject) config(t *testing.T) vlan.SwitchConfig {
	t.Helper()
	c, err := s.plan(t).Switch("switch")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func applies(t *testing.T, s Subject) {
	report, err := vlan.Apply(t.Context(), s.Driver, s.config(t), vlan.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Saved || report.Done != len(report.Steps) || len(report.Steps) == 0 {
		t.Errorf("saved %t, did %d of %d", report.Saved, report.Done, len(report.Steps))
	}
	if err := vlan.VerifyState(s.plan(t), map[string]vlan.State{"switch": s.read(t)}); err != nil {
		t.Error(err)
	}
}

func appliesNothingTwice(t *testing.T, s Subject) {
	for i := range 2 {
		report, err := vlan.Apply(t.Context(), s.Driver, s.config(t), vlan.ApplyOptions{NoSave: true})
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 && len(report.Steps) > 0 {
			t.Errorf("the second time there is still to do: %v", report.Steps)
		}
		if report.Saved {
			t.Error("saved in spite of NoSave")
		}
	}
}

func dryRun(t *testing.T, s Subject) {
	before := s.read(t)
	report, err := vlan.Apply(t.Context(), s.Driver, s.config(t), vlan.ApplyOptions{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Steps) == 0 || report.Done != 0 || report.Saved {
		t.Errorf("%d steps, %d done, saved %t", len(report.Steps), report.Done, report.Saved)
	}
	if now := s.read(t); !now.Equal(before) {
		t.Errorf("a dry run changed %v to %v", before, now)
	}
}

// broken is a driver that fails at a step once, after it is done.
type broken struct {
	vlan.Driver
	at, calls int
}

func (b *broken) Do(ctx context.Context, s vlan.Step) error {
	b.calls++
	err := b.Driver.Do(ctx, s)
	if b.calls == b.at && err == nil {
		return ErrFault
	}
	return err
}

func rollsBack(t *testing.T, s Subject) {
	before := s.read(t)
	steps, err := vlan.Diff(before, s.config(t))
	if err != nil {
		t.Fatal(err)
	}
	for at := 1; at <= len(steps); at++ {
		_, err := vlan.Apply(t.Context(), &broken{Driver: s.Driver, at: at}, s.config(t), vlan.ApplyOptions{})
		if !errors.Is(err, ErrFault) || errors.Is(err, vlan.ErrRollback) {
			t.Fatalf("step %d, %v: %v", at, steps[at-1], err)
		}
		if now := s.read(t); !now.Equal(before) {
			t.Fatalf("step %d, %v: after the rollback %v, and was %v", at, steps[at-1], now, before)
		}
	}
}
