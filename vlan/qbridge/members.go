package qbridge

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
)

// lists are the three lists of a VLAN.
type lists struct{ egress, forbidden, untagged PortList }

// changeMembers does steps of kind Join or Leave, VLAN by VLAN, in the order in
// which the steps first name them.
func (s *Switch) changeMembers(ctx context.Context, run []vlan.Step) error {
	byVLAN := make(map[vlan.VID][]vlan.Step)
	var order []vlan.VID
	for _, step := range run {
		if byVLAN[step.VID] == nil {
			order = append(order, step.VID)
		}
		byVLAN[step.VID] = append(byVLAN[step.VID], step)
	}
	for _, vid := range order {
		if err := s.changeVLAN(ctx, vid, byVLAN[vid]); err != nil {
			return fmt.Errorf("members of VLAN %d: %w", vid, err)
		}
	}
	return nil
}

// changeVLAN changes the lists of one VLAN in one message. They are read right
// before, because a switch may have moved ports by itself since, as some do when
// a port joins another VLAN untagged.
func (s *Switch) changeVLAN(ctx context.Context, vid vlan.VID, steps []vlan.Step) error {
	have, err := s.readLists(ctx, vid)
	if err != nil {
		return err
	}
	want := have
	for _, step := range steps {
		number, err := s.ports.bit(step.Port)
		if err != nil {
			return err
		}
		want = want.after(number, step)
	}
	vars := s.listVars(vid, have, want)
	if len(vars) == 0 {
		return nil
	}
	if err := s.set(ctx, vars...); err != nil {
		return err
	}
	return s.settle(ctx, func() error {
		now, err := s.readLists(ctx, vid)
		if err != nil {
			return err
		}
		return s.done(now, steps)
	})
}

// after is the lists after a step for the port of that number.
func (l lists) after(number int, step vlan.Step) lists {
	if step.Op == vlan.Leave {
		return lists{l.egress.Without(number), l.forbidden, l.untagged.Without(number)}
	}
	l.egress, l.forbidden = l.egress.With(number), l.forbidden.Without(number)
	if step.Untagged {
		l.untagged = l.untagged.With(number)
	} else {
		l.untagged = l.untagged.Without(number)
	}
	return l
}

// done reports the first step that the lists do not show.
func (s *Switch) done(now lists, steps []vlan.Step) error {
	type membership struct{ member, untagged bool }
	want := make(map[string]membership)
	for _, step := range steps {
		want[step.Port] = membership{step.Op == vlan.Join, step.Op == vlan.Join && step.Untagged}
	}
	for port, w := range want {
		number, err := s.ports.bit(port)
		if err != nil {
			return err
		}
		have := membership{now.egress.Has(number), now.egress.Has(number) && now.untagged.Has(number)}
		if have != w {
			return fmt.Errorf("port %q: member %t, untagged %t: %w", port, have.member, have.untagged, vlan.ErrNotApplied)
		}
	}
	return nil
}

// listVars are the lists that change. Each must hold with those before it, for
// switches that look at one after the other: no port is forbidden and a member,
// and none is untagged that is no member.
func (s *Switch) listVars(vid vlan.VID, have, want lists) []snmpx.Var {
	var vars []snmpx.Var
	add := func(column snmpx.OID, have, want PortList) {
		if octets := string(want.Octets()); octets != string(have.Octets()) {
			vars = append(vars, snmpx.Var{OID: column.Append(uint32(vid)), Value: snmpx.Text(octets)})
		}
	}
	egress := func() { add(dot1qVlanStaticEgressPorts, have.egress, want.egress) }
	untagged := func() { add(dot1qVlanStaticUntaggedPorts, have.untagged, want.untagged) }
	add(dot1qVlanForbiddenEgressPorts, have.forbidden, want.forbidden)
	if len(want.egress.Ports()) < len(have.egress.Ports()) {
		untagged()
		egress()
		return vars
	}
	egress()
	untagged()
	return vars
}

// readLists reads the lists of a VLAN. Those of a new one may be empty; they are
// written with as many octets as those of the others have.
func (s *Switch) readLists(ctx context.Context, vid vlan.VID) (lists, error) {
	columns := []snmpx.OID{dot1qVlanStaticEgressPorts, dot1qVlanForbiddenEgressPorts, dot1qVlanStaticUntaggedPorts}
	oids := make([]snmpx.OID, len(columns))
	for i, column := range columns {
		oids[i] = column.Append(uint32(vid))
	}
	values, err := s.client.Get(ctx, oids...)
	if err != nil {
		return lists{}, err
	}
	if !values[0].Present() {
		return lists{}, fmt.Errorf("there is no such VLAN: %w", errNoVLAN)
	}
	var read [3]PortList
	for i, v := range values {
		l, err := s.list(v)
		if err != nil {
			return lists{}, err
		}
		if len(v.Bytes) == 0 && s.quirk.format != Text {
			l = PortList{format: s.quirk.format}.padded(s.quirk.width)
		}
		read[i] = l
	}
	return lists{egress: read[0], forbidden: read[1], untagged: read[2]}, nil
}
