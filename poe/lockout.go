package poe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// history is when a port was switched off, as far as it still matters.
type history struct {
	Offs  []time.Time `json:"offs"`
	Until time.Time   `json:"until,omitzero"` // locked out
}

// allow adds one more time, or returns until when there must be none.
func (h history) allow(now time.Time, p Policy) (history, time.Time) {
	var recent []time.Time
	for _, off := range h.Offs {
		if off.After(now.Add(-p.Window)) && !off.After(now) { // a clock may have been set back
			recent = append(recent, off)
		}
	}
	h.Offs = recent
	if now.Before(h.Until) {
		return h, h.Until
	}
	h.Until = time.Time{}
	if p.MaxCycles >= 0 && len(recent) >= p.MaxCycles {
		h.Until = recent[len(recent)-p.MaxCycles].Add(p.Window)
		if least := now.Add(p.Lockout); least.After(h.Until) {
			h.Until = least
		}
		return h, h.Until
	}
	h.Offs = append(recent, now)
	return h, time.Time{}
}

// history reads when the port was switched off.
func (o *operation) history(ctx context.Context) (h history, rev int64, err error) {
	val, rev, err := o.c.journal().Get(ctx, o.key("history"))
	if errors.Is(err, fs.ErrNotExist) {
		return h, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(val, &h)
	}
	if err != nil {
		return h, rev, fmt.Errorf("read how often it was switched off: %w", err)
	}
	return h, rev, nil
}

// count has the port's history know that it is switched off now, or returns a
// [*LockoutError].
func (o *operation) count(ctx context.Context) error {
	h, rev, err := o.history(ctx)
	if err != nil {
		return err
	}
	h, until := h.allow(time.Now(), o.policy)
	val, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("write how often it was switched off: %w", err)
	}
	if _, err := o.c.journal().Put(ctx, o.key("history"), val, rev); err != nil {
		return fmt.Errorf("write how often it was switched off: %w", err)
	}
	if !until.IsZero() {
		return &LockoutError{Port: o.res.Port, Count: len(h.Offs), Until: until}
	}
	return nil
}

// justOff reports whether an order to switch the port off may still be on its
// way.
func (o *operation) justOff(ctx context.Context) bool {
	h, _, err := o.history(ctx)
	if err != nil || len(h.Offs) == 0 {
		return err != nil
	}
	return time.Since(h.Offs[len(h.Offs)-1]) < o.policy.OffDeadline+o.policy.Settle
}

// forget ends a lockout.
func (o *operation) forget(ctx context.Context) error {
	if _, err := o.c.journal().Put(ctx, o.key("history"), nil, -1); err != nil {
		return fmt.Errorf("forget how often it was switched off: %w", err)
	}
	o.res.Changed = true
	return nil
}
