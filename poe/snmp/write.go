package snmp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/poe"
)

// SetAdmin allows a port to give power or forbids it. It first reads the port and
// makes sure that the row is still that port, does nothing where all is so
// already, and then reads back. On a Cisco switch a port that was static or limit
// before it was switched off becomes so again; cpeExtPsePortPwrManAlloc, with
// which wrong values do damage, is never written.
func (s *Switch) SetAdmin(ctx context.Context, name string, on bool) error {
	what := "switch port off"
	if on {
		what = "switch port on"
	}
	if s.info.ReadOnly {
		return s.faulty(what, fmt.Errorf("port %q: %w (%v)", name, poe.ErrReadOnly, s.info.Vendor))
	}
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return s.faulty(what, fmt.Errorf("port %q: another is being switched: %w", name, context.Cause(ctx)))
	}
	return s.faulty(what, s.setAdmin(ctx, name, on))
}

func (s *Switch) setAdmin(ctx context.Context, name string, on bool) error {
	p, before, err := s.look(ctx, name)
	if err != nil || before.Admin == on {
		return err
	}
	write, err := s.order(ctx, p, on)
	if err != nil {
		return err
	}
	if err := s.suspendSave(ctx); err != nil {
		return err
	}
	err = s.client.Set(ctx, write)
	s.log.Info("wrote", "port", name, "object", write.OID.String(), "value", write.Value.Int, "err", err)
	switch {
	case err == nil:
		return s.settle(ctx, p, write, on)
	case errors.Is(err, snmpx.ErrTimeout):
		// It may have been carried out with its answer lost: look, before
		// anybody sends the opposite.
		if s.settle(ctx, p, write, on) == nil {
			return nil
		}
	}
	return fmt.Errorf("port %q, row %s: %w", name, p.row, err)
}

// order returns what to write. Before a port is switched off its mode is
// remembered.
func (s *Switch) order(ctx context.Context, p *port, on bool) (snmpx.Var, error) {
	write := snmpx.Var{OID: s.layout.admin.Append(p.row...), Value: snmpx.Integer(s.layout.off)}
	if on {
		write.Value = snmpx.Integer(s.layout.on)
	}
	if s.layout.mode == nil {
		return write, nil
	}
	if !on {
		return write, s.remember(ctx, p)
	}
	mode, err := s.recall(p)
	if err != nil {
		return write, err
	}
	if slices.Contains(s.layout.keep, int32(mode)) {
		return snmpx.Var{OID: s.layout.mode.Append(p.row...), Value: snmpx.Integer(int32(mode))}, nil
	}
	return write, nil
}

// firstLook is when the read-back asks again for the first time.
const firstLook = 20 * time.Millisecond

// settle reads back until the port is as it was told to be, or the time is up.
func (s *Switch) settle(ctx context.Context, p *port, write snmpx.Var, on bool) error {
	patience := s.cfg.Settle
	if patience == 0 {
		patience = defaultSettle
	}
	deadline, pause := time.Now().Add(patience), firstLook
	for {
		v, err := s.client.Get(ctx, s.layout.columns[0].Append(p.row...), write.OID)
		if err != nil {
			return fmt.Errorf("port %q, row %s: read back: %w", p.name, p.row, err)
		}
		isOff := number(v[0]) == int64(s.layout.off)
		if v[0].Present() && isOff != on && number(v[1]) == write.Value.Int {
			return nil
		}
		if !time.Now().Add(pause).Before(deadline) {
			return fmt.Errorf("port %q, row %s: %w: %v is %v after %v was written", p.name, p.row, poe.ErrNotApplied, write.OID, v[1], write.Value)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("port %q, row %s: read back: %w", p.name, p.row, context.Cause(ctx))
		case <-timer.C:
			pause *= 2
		}
	}
}
