package linuxbridge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/vishvananda/netlink"

	"github.com/mythic-beasts/hostkit/vlan"
)

// bridge finds the bridge and refuses one that does not filter.
func (s *Switch) bridge() (*netlink.Bridge, error) {
	link, err := netlink.LinkByName(s.Bridge)
	if err != nil {
		return nil, notFound(err)
	}
	b, ok := link.(*netlink.Bridge)
	if !ok {
		return nil, fmt.Errorf("it is a %s and no bridge", link.Type())
	}
	if b.VlanFiltering == nil || !*b.VlanFiltering {
		return nil, ErrNotFiltering
	}
	return b, nil
}

func notFound(err error) error {
	if _, missing := errors.AsType[netlink.LinkNotFoundError](err); missing {
		return fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return err
}

func (s *Switch) read(ctx context.Context) (vlan.State, error) {
	if err := ctx.Err(); err != nil {
		return vlan.State{}, err
	}
	b, err := s.bridge()
	if err != nil {
		return vlan.State{}, err
	}
	links, err := netlink.LinkList()
	if err != nil {
		return vlan.State{}, fmt.Errorf("list interfaces: %w", err)
	}
	members, err := netlink.BridgeVlanList()
	if err != nil {
		return vlan.State{}, fmt.Errorf("list VLANs: %w", err)
	}
	st := vlan.State{VLANs: map[vlan.VID]string{}, Ports: map[string]vlan.PortState{}, Can: vlan.CanIsolate}
	for v := range s.made {
		st.VLANs[v] = ""
	}
	for _, link := range links {
		a := link.Attrs()
		if a.MasterIndex != b.Index && a.Index != b.Index {
			continue
		}
		ps := vlan.PortState{Ingress: true, PVID: s.pvids[a.Name]}
		for _, m := range members[int32(a.Index)] {
			v := vlan.VID(m.Vid)
			st.VLANs[v] = ""
			if m.PortVID() {
				ps.PVID = v
			}
			if m.EngressUntag() {
				ps.Untagged = ps.Untagged.With(v)
			} else {
				ps.Tagged = ps.Tagged.With(v)
			}
		}
		if a.Index != b.Index {
			info, err := netlink.LinkGetProtinfo(link)
			if err != nil {
				return vlan.State{}, fmt.Errorf("port %q: %w", a.Name, err)
			}
			ps.Isolated = info.Isolated
		}
		st.Ports[a.Name] = ps
	}
	return st, nil
}

// do makes one change, of a port that is now as given.
func (s *Switch) do(step vlan.Step, now vlan.PortState) error {
	switch step.Op {
	case vlan.CreateVLAN, vlan.DeleteVLAN:
		s.note(step)
		return nil
	case vlan.SetIngress:
		if !step.On {
			return fmt.Errorf("a bridge that filters VLANs filters what comes in: %w", vlan.ErrUnsupported)
		}
		return nil
	case vlan.RenameVLAN, vlan.SetFrames, vlan.SetEdge:
		return fmt.Errorf("the kernel has no such setting: %w", vlan.ErrUnsupported)
	}
	link, err := netlink.LinkByName(step.Port)
	if err != nil {
		return notFound(err)
	}
	p := port{link: link, self: step.Port == s.Bridge}
	switch step.Op {
	case vlan.SetIsolated:
		return netlink.LinkSetIsolated(link, step.On)
	case vlan.Join:
		pvid := now.PVID == step.VID
		if err := p.join(step.VID, pvid, step.Untagged); err != nil {
			return err
		}
		if pvid {
			delete(s.pvids, step.Port)
		}
		return nil
	case vlan.Leave:
		if now.Member(step.VID) {
			if err := p.leave(step.VID); err != nil {
				return err
			}
		}
		if now.PVID == step.VID {
			s.pretend(step.Port, step.VID)
		}
		return nil
	}
	return s.setPVID(p, step, now)
}

// setPVID moves the mark, or takes it away when the port is not a member of the
// VLAN, so that untagged frames are dropped.
func (s *Switch) setPVID(p port, step vlan.Step, now vlan.PortState) error {
	if now.Member(step.VID) {
		if err := p.join(step.VID, true, now.Untagged.Contains(step.VID)); err != nil {
			return err
		}
		delete(s.pvids, step.Port)
		return nil
	}
	if now.Member(now.PVID) {
		if err := p.join(now.PVID, false, now.Untagged.Contains(now.PVID)); err != nil {
			return err
		}
	}
	s.pretend(step.Port, step.VID)
	return nil
}

// pretend remembers a PVID that the kernel does not have.
func (s *Switch) pretend(port string, v vlan.VID) {
	if s.pvids == nil {
		s.pvids = make(map[string]vlan.VID)
	}
	s.pvids[port] = v
}

// port is an interface whose memberships change. Those of the bridge itself are
// its own, those of others are their master's.
type port struct {
	link netlink.Link
	self bool
}

func (p port) join(v vlan.VID, pvid, untagged bool) error {
	return netlink.BridgeVlanAdd(p.link, uint16(v), pvid, untagged, p.self, !p.self)
}

func (p port) leave(v vlan.VID) error {
	return netlink.BridgeVlanDel(p.link, uint16(v), false, false, p.self, !p.self)
}
