package qbridge

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
)

// row is a VLAN as the switch has it.
type row struct {
	vid              vlan.VID
	name             string
	egress, untagged snmpx.Value
	active           bool
}

// read reads everything, and learns the format of lists.
func (s *Switch) read(ctx context.Context) (vlan.State, error) {
	ports, err := s.readPorts(ctx)
	if err != nil {
		return vlan.State{}, err
	}
	s.ports = ports
	st := vlan.State{VLANs: map[vlan.VID]string{}, Ports: map[string]vlan.PortState{}}
	pvids, err := s.readPortTable(ctx, &st)
	if err != nil {
		return vlan.State{}, err
	}
	rows, err := s.readVLANs(ctx)
	if err != nil {
		return vlan.State{}, err
	}
	if s.quirk.format == Detect {
		s.quirk.format = detect(rows, pvids)
	}
	if !s.quirk.noNames {
		st.Can |= vlan.CanName
	}
	for _, r := range rows {
		if !r.active {
			continue
		}
		st.VLANs[r.vid] = r.name
		if err := s.members(&st, r); err != nil {
			return vlan.State{}, fmt.Errorf("VLAN %d: %w", r.vid, err)
		}
	}
	if s.cfg.Dynamic {
		err = s.readDynamic(ctx, &st)
	}
	return st, err
}

// readPortTable reads what ports do by themselves, and returns their PVIDs by
// number.
func (s *Switch) readPortTable(ctx context.Context, st *vlan.State) (map[int]vlan.VID, error) {
	rows, err := s.client.Table(ctx, dot1qPvid, dot1qPortAcceptableFrameTypes, dot1qPortIngressFiltering)
	if err != nil {
		return nil, fmt.Errorf("read dot1qPortVlanTable: %w", err)
	}
	edges, err := s.client.Table(ctx, dot1dStpPortAdminEdgePort)
	if err != nil {
		return nil, fmt.Errorf("read dot1dStpExtPortTable: %w", err)
	}
	edge := make(map[int]bool, len(edges))
	for _, row := range edges {
		n, _ := row.Values[0].Int64()
		edge[int(last(row.Index))] = n == isTrue
	}
	if len(edges) > 0 {
		st.Can |= vlan.CanEdge
	}
	pvids := make(map[int]vlan.VID, len(rows))
	for _, row := range rows {
		number := int(last(row.Index))
		pvid, ok := row.Values[0].Int64()
		if !ok || pvid < 0 || pvid > int64(vlan.MaxVID) {
			continue
		}
		pvids[number] = vlan.VID(pvid)
		ps := vlan.PortState{PVID: vlan.VID(pvid), Edge: edge[number]}
		if kind, ok := row.Values[1].Int64(); ok {
			st.Can |= vlan.CanFrames
			ps.Frames = frames(kind)
		}
		if filtering, ok := row.Values[2].Int64(); ok {
			st.Can |= vlan.CanIngress
			ps.Ingress = filtering == isTrue
		}
		if name := s.ports.name[number]; name != "" {
			st.Ports[name] = ps
		}
	}
	if len(pvids) == 0 {
		return nil, errors.New("the switch has no dot1qPvid: it shows no VLANs by Q-BRIDGE-MIB, or not to this user")
	}
	return pvids, nil
}

// frames is a value of dot1qPortAcceptableFrameTypes.
func frames(value int64) vlan.Frames {
	switch value {
	case admitOnlyTagged:
		return vlan.TaggedFrames
	case admitOnlyUntagged:
		return vlan.UntaggedFrames
	}
	return vlan.AllFrames
}

// readVLANs reads the configured VLANs.
func (s *Switch) readVLANs(ctx context.Context) ([]row, error) {
	table, err := s.client.Table(ctx, dot1qVlanStaticName, dot1qVlanStaticEgressPorts, dot1qVlanStaticUntaggedPorts, dot1qVlanStaticRowStatus)
	if err != nil {
		return nil, fmt.Errorf("read dot1qVlanStaticTable: %w", err)
	}
	var rows []row
	for _, t := range table {
		vid := vlan.VID(min(last(t.Index), 0xffff))
		if !vid.Valid() {
			continue // RFC 4363 has larger numbers for VLANs without an identifier
		}
		name, _ := t.Values[0].Text()
		status, known := t.Values[3].Int64()
		r := row{vid: vid, name: trim(name), egress: t.Values[1], untagged: t.Values[2], active: !known || status == rowActive}
		s.quirk.width = max(s.quirk.width, len(r.egress.Bytes))
		rows = append(rows, r)
	}
	return rows, nil
}

// members adds a VLAN to the ports that are in it.
func (s *Switch) members(st *vlan.State, r row) error {
	egress, err := s.list(r.egress)
	if err != nil {
		return err
	}
	untagged, err := s.list(r.untagged)
	if err != nil {
		return err
	}
	for _, number := range egress.Ports() {
		name := s.ports.name[number]
		ps, ok := st.Ports[name]
		if !ok {
			continue
		}
		if untagged.Has(number) {
			ps.Untagged, ps.Tagged = ps.Untagged.With(r.vid), ps.Tagged.Without(r.vid)
		} else if !ps.Untagged.Contains(r.vid) {
			ps.Tagged = ps.Tagged.With(r.vid)
		}
		st.Ports[name] = ps
	}
	return nil
}

// readDynamic adds what ports are members of by protocol.
func (s *Switch) readDynamic(ctx context.Context, st *vlan.State) error {
	table, err := s.client.Table(ctx, dot1qVlanCurrentEgressPorts, dot1qVlanCurrentUntaggedPorts)
	if err != nil {
		return fmt.Errorf("read dot1qVlanCurrentTable: %w", err)
	}
	for _, t := range table { // by dot1qVlanTimeMark and dot1qVlanIndex
		vid := vlan.VID(min(last(t.Index), 0xffff))
		if !vid.Valid() {
			continue
		}
		if err := s.members(st, row{vid: vid, egress: t.Values[0], untagged: t.Values[1]}); err != nil {
			return fmt.Errorf("VLAN %d, current: %w", vid, err)
		}
	}
	return nil
}

// list reads a PortList. One that is not there is empty.
func (s *Switch) list(v snmpx.Value) (PortList, error) {
	octets, _ := v.Octets()
	return ParsePortList(octets, s.quirk.format)
}

// trim drops what some switches write after a name.
func trim(name string) string { return strings.TrimRight(name, "\x00") }
