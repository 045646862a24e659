package qbridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Save makes the switch start with what it does now. A switch without a way to
// do that by SNMP wraps [errors.ErrUnsupported].
func (s *Switch) Save(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.vendor(ctx)
	if err != nil {
		return s.wrap(err)
	}
	switch v {
	case Cisco:
		err = s.saveCisco(ctx)
	case Dell:
		err = s.set(ctx, snmpx.Var{OID: dellSaveConfig, Value: snmpx.Integer(isTrue)})
	case H3C:
		err = s.saveH3C(ctx)
	case HP:
		err = s.resumeSaving(ctx)
	default:
		err = fmt.Errorf("no way to save by SNMP is known for this switch: %w", errors.ErrUnsupported)
	}
	if err != nil {
		return s.wrap(fmt.Errorf("save the configuration: %w", err))
	}
	return nil
}

// vendor asks whose switch it is, once.
func (s *Switch) vendor(ctx context.Context) (Vendor, error) {
	if s.quirk.vendor != Auto {
		return s.quirk.vendor, nil
	}
	values, err := s.client.Get(ctx, sysObjectID)
	if err != nil {
		return Auto, fmt.Errorf("read sysObjectID: %w", err)
	}
	id, _ := values[0].OID()
	s.quirk.vendor = Other
	for _, known := range []struct {
		prefix snmpx.OID
		vendor Vendor
	}{{enterpriseCisco, Cisco}, {enterpriseDell, Dell}, {enterpriseH3C, H3C}, {enterpriseHP, HP}} {
		if id.HasPrefix(known.prefix) {
			s.quirk.vendor = known.vendor
		}
	}
	return s.quirk.vendor, nil
}

// saveCisco has the old way, which is one object, and where that is gone the new
// one, which is a row that makes the copy and tells how it went.
func (s *Switch) saveCisco(ctx context.Context) error {
	old := s.set(ctx, snmpx.Var{OID: ciscoWriteMem, Value: snmpx.Integer(isTrue)})
	if old == nil || !answered(old) {
		return old
	}
	const running, startup = 4, 3 // ConfigFileType
	row, err := s.freeRow(ctx, ccCopyRowStatus)
	if err != nil {
		return errors.Join(old, err)
	}
	status := snmpx.Var{OID: ccCopyRowStatus.Append(row), Value: snmpx.Integer(rowCreateAndGo)}
	if err := s.set(ctx, snmpx.Var{OID: ccCopySource.Append(row), Value: snmpx.Integer(running)},
		snmpx.Var{OID: ccCopyDest.Append(row), Value: snmpx.Integer(startup)}, status); err != nil {
		return errors.Join(old, err)
	}
	copied := s.awaitCopy(ctx, ccCopyState.Append(row))
	status.Value = snmpx.Integer(rowDestroy)
	return errors.Join(copied, s.set(context.WithoutCancel(ctx), status))
}

// awaitCopy waits until the copy has ended, as long as ctx lasts.
func (s *Switch) awaitCopy(ctx context.Context, state snmpx.OID) error {
	const successful, failed = 3, 4 // ConfigCopyState
	const interval = 200 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		values, err := s.client.Get(ctx, state)
		if err != nil {
			return err
		}
		switch n, _ := values[0].Int64(); n {
		case successful:
			return nil
		case failed:
			return errors.New("the switch could not copy its running configuration")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the copy of the running configuration: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func (s *Switch) saveH3C(ctx context.Context) error {
	const runningToStartup = 1
	row, err := s.freeRow(ctx, hh3cOperateStatus)
	if err != nil {
		return err
	}
	return s.set(ctx, snmpx.Var{OID: hh3cOperateType.Append(row), Value: snmpx.Integer(runningToStartup)},
		snmpx.Var{OID: hh3cOperateStatus.Append(row), Value: snmpx.Integer(rowCreateAndGo)})
}

// freeRow is the lowest number that no row of a table has.
func (s *Switch) freeRow(ctx context.Context, column snmpx.OID) (uint32, error) {
	rows, err := s.client.Table(ctx, column)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", column, err)
	}
	taken := make(map[uint32]bool, len(rows))
	for _, row := range rows {
		taken[last(row.Index)] = true
	}
	free := uint32(1)
	for taken[free] {
		free++
	}
	return free, nil
}

// Values of hpSwitchImplicitConfigSave.
const (
	saveEnabled  = 1
	saveDisabled = 2
)

// pauseSaving stops an HP switch from writing its flash after each change.
func (s *Switch) pauseSaving(ctx context.Context) error {
	if v, err := s.vendor(ctx); err != nil || v != HP || s.saves {
		return err
	}
	values, err := s.client.Get(ctx, hpImplicitSave)
	if err != nil {
		return fmt.Errorf("read hpSwitchImplicitConfigSave: %w", err)
	}
	if n, ok := values[0].Int64(); !ok || n != saveEnabled {
		return nil
	}
	if err := s.set(ctx, snmpx.Var{OID: hpImplicitSave, Value: snmpx.Integer(saveDisabled)}); err != nil {
		return fmt.Errorf("turn hpSwitchImplicitConfigSave off: %w", err)
	}
	s.saves = true
	return nil
}

// resumeSaving lets an HP switch write its flash again, which saves everything.
func (s *Switch) resumeSaving(ctx context.Context) error {
	if !s.saves {
		return nil
	}
	if err := s.set(ctx, snmpx.Var{OID: hpImplicitSave, Value: snmpx.Integer(saveEnabled)}); err != nil {
		return fmt.Errorf("turn hpSwitchImplicitConfigSave on again: %w", err)
	}
	s.saves = false
	return nil
}
