package snmp

import (
	"context"
	"fmt"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Values of hpSwitchImplicitConfigSave.
const (
	saveEnabled  = 1
	saveDisabled = 2
)

// savesImplicitly reports whether the switch writes each SET to flash.
func (s *Switch) savesImplicitly(ctx context.Context) (bool, error) {
	if s.info.Vendor != ArubaS {
		return false, nil
	}
	v, err := s.client.Get(ctx, hpSwitchImplicitSave)
	if err != nil {
		return false, fmt.Errorf("hpSwitchImplicitConfigSave: %w", err)
	}
	implicit := number(v[0]) != saveDisabled // the default where it is not there
	if implicit && !s.info.ReadOnly && !s.cfg.NoImplicitSave {
		s.log.Warn("this switch writes each change to flash: a port that is off stays off across a restart; see Config.NoImplicitSave")
	}
	return implicit, nil
}

// suspendSave turns implicit saving off, once, before the first SET.
func (s *Switch) suspendSave(ctx context.Context) error {
	s.mu.Lock()
	done := s.saves
	s.mu.Unlock()
	if done || !s.cfg.NoImplicitSave || !s.info.ImplicitSave {
		return nil
	}
	if err := s.client.Set(ctx, snmpx.Var{OID: hpSwitchImplicitSave, Value: snmpx.Integer(saveDisabled)}); err != nil {
		return fmt.Errorf("turn hpSwitchImplicitConfigSave off: %w", err)
	}
	s.mu.Lock()
	s.saves = true
	s.mu.Unlock()
	return nil
}

// restoreTimeout bounds what Close waits for.
const restoreTimeout = 5 * time.Second

// restoreSave turns implicit saving on again if suspendSave turned it off.
func (s *Switch) restoreSave() error {
	s.mu.Lock()
	undo := s.saves
	s.saves = false
	s.mu.Unlock()
	if !undo {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), restoreTimeout)
	defer cancel()
	return s.faulty("turn hpSwitchImplicitConfigSave on again",
		s.client.Set(ctx, snmpx.Var{OID: hpSwitchImplicitSave, Value: snmpx.Integer(saveEnabled)}))
}
