package qbridge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
)

// maxName is how long a dot1qVlanStaticName may be.
const maxName = 32

// errNoVLAN is fs.ErrNotExist about a VLAN.
var errNoVLAN = fs.ErrNotExist

// rowVars are the name and status of a VLAN.
func nameVar(vid vlan.VID, name string) snmpx.Var {
	return snmpx.Var{OID: dot1qVlanStaticName.Append(uint32(vid)), Value: snmpx.Text(name)}
}

func statusVar(vid vlan.VID, status int32) snmpx.Var {
	return snmpx.Var{OID: dot1qVlanStaticRowStatus.Append(uint32(vid)), Value: snmpx.Integer(status)}
}

// create makes a VLAN, or gives the one that is there its name.
func (s *Switch) create(ctx context.Context, step vlan.Step) error {
	vid, name := step.VID, step.Name
	if !vid.Valid() || len(name) > maxName {
		return fmt.Errorf("VLAN %d with a name of %d octets cannot be: a name has at most %d", vid, len(name), maxName)
	}
	status, there, err := s.status(ctx, vid)
	if err != nil {
		return fmt.Errorf("read VLAN %d: %w", vid, err)
	}
	switch {
	case !there && step.Op == vlan.RenameVLAN:
		return fmt.Errorf("VLAN %d: there is no such VLAN: %w", vid, errNoVLAN)
	case step.Op == vlan.RenameVLAN:
		return s.rename(ctx, step)
	case !there:
		err = s.make(ctx, vid, name)
	case status != rowActive:
		err = s.set(ctx, statusVar(vid, rowActive))
	}
	if err == nil {
		err = s.confirm(ctx, []snmpx.Var{statusVar(vid, rowActive)}, sameNumber)
	}
	if err != nil {
		return fmt.Errorf("make VLAN %d: %w", vid, err)
	}
	return s.rename(ctx, step)
}

// status is the RowStatus of a VLAN, and whether there is one. An agent may answer
// notReady about a row that is not there, as net-snmp does in front of programs
// that can make it: then it has no members either.
func (s *Switch) status(ctx context.Context, vid vlan.VID) (status int64, there bool, err error) {
	values, err := s.client.Get(ctx, statusVar(vid, 0).OID, dot1qVlanStaticEgressPorts.Append(uint32(vid)))
	if err != nil {
		return 0, false, err
	}
	status, there = values[0].Int64()
	return status, there && (status == rowActive || values[1].Present()), nil
}

// make makes a row in the way that worked last, or else in the other one.
func (s *Switch) make(ctx context.Context, vid vlan.VID, name string) error {
	ways := []func(context.Context, vlan.VID, string) error{s.createAndGo, s.createAndWait}
	if s.quirk.wait {
		ways[0], ways[1] = ways[1], ways[0]
	}
	first := ways[0](ctx, vid, name)
	if first == nil || !answered(first) || refused(first, snmpx.NoAccess, snmpx.AuthorizationError, snmpx.ResourceUnavailable) {
		return first
	}
	// A switch that did it and whose answer was lost refuses to do it again.
	if s.exists(ctx, vid, first) == nil {
		return nil
	}
	if second := ways[1](ctx, vid, name); second != nil {
		return fmt.Errorf("%w (and the other way to make a row: %w)", first, second)
	}
	s.quirk.wait = !s.quirk.wait
	return nil
}

// createAndGo makes a row in one message, with its name unless the switch does
// not take that there.
func (s *Switch) createAndGo(ctx context.Context, vid vlan.VID, name string) error {
	if s.quirk.noNames {
		return s.set(ctx, statusVar(vid, rowCreateAndGo))
	}
	err := s.set(ctx, statusVar(vid, rowCreateAndGo), nameVar(vid, name))
	var pdu *snmpx.PDUError
	if !errors.As(err, &pdu) || pdu.Index != 2 {
		return err
	}
	// The name was refused. The row may be there already.
	if again := s.set(ctx, statusVar(vid, rowCreateAndGo)); again != nil {
		return s.exists(ctx, vid, err)
	}
	return nil
}

// exists is nil if a VLAN is there in spite of an error.
func (s *Switch) exists(ctx context.Context, vid vlan.VID, cause error) error {
	_, there, err := s.status(ctx, vid)
	if err != nil {
		return errors.Join(cause, err)
	}
	if !there {
		return cause
	}
	return nil
}

// createAndWait makes a row, fills it and activates it.
func (s *Switch) createAndWait(ctx context.Context, vid vlan.VID, name string) error {
	if err := s.set(ctx, statusVar(vid, rowCreateAndWait)); err != nil {
		return err
	}
	if !s.quirk.noNames {
		// A name that is refused is seen to afterwards.
		if err := s.set(ctx, nameVar(vid, name)); err != nil && !answered(err) {
			return err
		}
	}
	if err := s.set(ctx, statusVar(vid, rowActive)); err != nil {
		return errors.Join(err, s.set(ctx, statusVar(vid, rowDestroy)))
	}
	return nil
}

// rename gives a VLAN its name. A switch that writes no names at all is not
// asked again, and [Switch.Read] says so; a VLAN is made without one there.
func (s *Switch) rename(ctx context.Context, step vlan.Step) error {
	v := nameVar(step.VID, step.Name)
	if !s.quirk.noNames {
		values, err := s.client.Get(ctx, v.OID)
		if err != nil {
			return fmt.Errorf("read the name of VLAN %d: %w", step.VID, err)
		}
		if sameName(v.Value, values[0]) {
			return nil
		}
		err = s.set(ctx, v)
		if err == nil {
			err = s.confirm(ctx, []snmpx.Var{v}, sameName)
		}
		if !refused(err, snmpx.NotWritable, snmpx.NoCreation, snmpx.NoSuchName, snmpx.ReadOnly) {
			return wrapName(err, step.VID)
		}
		s.quirk.noNames = true
		s.log.Warn("the switch does not name VLANs by SNMP", "switch", s.cfg.Addr, "vid", step.VID, "error", err)
	}
	if step.Op == vlan.RenameVLAN {
		return wrapName(fmt.Errorf("the switch does not name VLANs by SNMP: %w", vlan.ErrUnsupported), step.VID)
	}
	return nil
}

func wrapName(err error, vid vlan.VID) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("name VLAN %d: %w", vid, err)
}

func sameName(wrote, read snmpx.Value) bool {
	a, _ := wrote.Text()
	b, ok := read.Text()
	return ok && a == trim(b)
}

// destroy deletes a VLAN.
func (s *Switch) destroy(ctx context.Context, vid vlan.VID) error {
	if _, there, err := s.status(ctx, vid); err != nil {
		return fmt.Errorf("read VLAN %d: %w", vid, err)
	} else if !there {
		return nil
	}
	if err := s.set(ctx, statusVar(vid, rowDestroy)); err != nil {
		return fmt.Errorf("delete VLAN %d: %w", vid, err)
	}
	return s.settle(ctx, func() error {
		_, there, err := s.status(ctx, vid)
		if err == nil && there {
			err = fmt.Errorf("VLAN %d is there after it was deleted: %w", vid, vlan.ErrNotApplied)
		}
		return err
	})
}
