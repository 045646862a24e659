package qbridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
)

// set writes variables in one message. After an error any of them may have
// changed: not every agent does all or nothing.
func (s *Switch) set(ctx context.Context, vars ...snmpx.Var) error {
	err := s.client.Set(ctx, vars...)
	if err != nil {
		return fmt.Errorf("write %s: %w", vars[0].OID, err)
	}
	return nil
}

// refused reports whether the switch answered one of these.
func refused(err error, statuses ...snmpx.Status) bool {
	var pdu *snmpx.PDUError
	return errors.As(err, &pdu) && slices.Contains(statuses, pdu.Status)
}

// answered reports whether the switch answered an error, rather than nothing.
func answered(err error) bool {
	var pdu *snmpx.PDUError
	return errors.As(err, &pdu)
}

// confirm reads variables until each is as it was written, for as long as the
// switch may take to settle.
func (s *Switch) confirm(ctx context.Context, vars []snmpx.Var, same func(wrote, read snmpx.Value) bool) error {
	oids := make([]snmpx.OID, len(vars))
	for i, v := range vars {
		oids[i] = v.OID
	}
	return s.settle(ctx, func() error {
		values, err := s.client.Get(ctx, oids...)
		if err != nil {
			return err
		}
		for i, v := range vars {
			if !same(v.Value, values[i]) {
				return fmt.Errorf("%s is %v after %v was written: %w", v.OID, values[i], v.Value, vlan.ErrNotApplied)
			}
		}
		return nil
	})
}

const settleInterval = 50 * time.Millisecond

// settle calls check until it returns anything but ErrNotApplied.
func (s *Switch) settle(ctx context.Context, check func() error) error {
	deadline := time.NewTimer(max(0, s.cfg.Settle))
	defer deadline.Stop()
	tick := time.NewTicker(settleInterval)
	defer tick.Stop()
	for {
		err := check()
		if !errors.Is(err, vlan.ErrNotApplied) || s.cfg.Settle < 0 {
			return err
		}
		select {
		case <-deadline.C:
			return err
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}
