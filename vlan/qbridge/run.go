package qbridge

import (
	"context"
	"fmt"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
)

// runs cuts steps where their kind changes. Steps of one kind may be done in any
// order, but for those of one VLAN or one port.
func runs(steps []vlan.Step) [][]vlan.Step {
	var out [][]vlan.Step
	for _, step := range steps {
		if n := len(out); n > 0 && out[n-1][0].Op == step.Op {
			out[n-1] = append(out[n-1], step)
			continue
		}
		out = append(out, []vlan.Step{step})
	}
	return out
}

// do does steps of one kind.
func (s *Switch) do(ctx context.Context, run []vlan.Step) error {
	switch op := run[0].Op; op {
	case vlan.CreateVLAN, vlan.RenameVLAN:
		return each(run, func(step vlan.Step) error { return s.create(ctx, step) })
	case vlan.DeleteVLAN:
		return each(run, func(step vlan.Step) error { return s.destroy(ctx, step.VID) })
	case vlan.Join, vlan.Leave:
		return s.changeMembers(ctx, run)
	case vlan.SetPVID:
		return s.setPVIDs(ctx, run)
	case vlan.SetIngress:
		return s.setColumn(ctx, run, dot1qPortIngressFiltering, func(step vlan.Step) snmpx.Value { return truth(step.On) })
	case vlan.SetFrames:
		return s.setColumn(ctx, run, dot1qPortAcceptableFrameTypes, func(step vlan.Step) snmpx.Value {
			return snmpx.Integer([...]int32{vlan.AllFrames: admitAll, vlan.TaggedFrames: admitOnlyTagged, vlan.UntaggedFrames: admitOnlyUntagged}[step.Frames])
		})
	case vlan.SetEdge:
		return s.setColumn(ctx, run, dot1dStpPortAdminEdgePort, func(step vlan.Step) snmpx.Value { return truth(step.On) })
	default:
		return fmt.Errorf("step %d is not in Q-BRIDGE-MIB: %w", op, vlan.ErrUnsupported)
	}
}

func each(run []vlan.Step, do func(vlan.Step) error) error {
	for _, step := range run {
		if err := do(step); err != nil {
			return err
		}
	}
	return nil
}

func truth(on bool) snmpx.Value {
	if on {
		return snmpx.Integer(isTrue)
	}
	return snmpx.Integer(isFalse)
}

// setPVIDs sets dot1qPvid, which is Unsigned32 and therefore a Gauge32 on the
// wire, and INTEGER on some switches.
func (s *Switch) setPVIDs(ctx context.Context, run []vlan.Step) error {
	value := func(step vlan.Step) snmpx.Value {
		if s.quirk.integerPVID {
			return snmpx.Integer(int32(step.VID))
		}
		return snmpx.Gauge32(uint32(step.VID))
	}
	err := s.setColumn(ctx, run, dot1qPvid, value)
	if !refused(err, snmpx.WrongType, snmpx.BadValue, snmpx.WrongEncoding) {
		return err
	}
	s.quirk.integerPVID = !s.quirk.integerPVID
	if second := s.setColumn(ctx, run, dot1qPvid, value); second != nil {
		s.quirk.integerPVID = !s.quirk.integerPVID
		return fmt.Errorf("%w (and with the other type of PVID: %w)", err, second)
	}
	return nil
}

// setColumn sets one column of the table of ports, for many ports in one
// message, and reads it back. The last step for a port counts.
func (s *Switch) setColumn(ctx context.Context, run []vlan.Step, column snmpx.OID, value func(vlan.Step) snmpx.Value) error {
	var vars []snmpx.Var
	at := make(map[string]int, len(run))
	for _, step := range run {
		number, err := s.ports.bit(step.Port)
		if err != nil {
			return err
		}
		v := snmpx.Var{OID: column.Append(uint32(number)), Value: value(step)}
		if i, again := at[step.Port]; again {
			vars[i] = v
			continue
		}
		at[step.Port] = len(vars)
		vars = append(vars, v)
	}
	for len(vars) > 0 {
		n := min(len(vars), s.cfg.MaxVars)
		if err := s.set(ctx, vars[:n]...); err != nil {
			if refused(err, snmpx.TooBig) && n > 1 {
				s.cfg.MaxVars = n / 2
				continue
			}
			if refused(err, snmpx.NoCreation, snmpx.NotWritable, snmpx.NoSuchName) {
				err = fmt.Errorf("%w: %w", vlan.ErrUnsupported, err)
			}
			return err
		}
		if err := s.confirm(ctx, vars[:n], sameNumber); err != nil {
			return err
		}
		vars = vars[n:]
	}
	return nil
}

func sameNumber(wrote, read snmpx.Value) bool {
	a, _ := wrote.Int64()
	b, ok := read.Int64()
	return ok && a == b
}
