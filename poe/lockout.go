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

// count has the port's history know that it is switched off now, or returns a
// [*LockoutError].
func (o *operation) count(ctx context.Context) error {
	var h history
	val, rev, err := o.c.journal().Get(ctx, o.key("history"))
	if err == nil {
		err = json.Unmarshal(val, &h)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read how often it was switched off: %w", err)
	}
	h, until := h.allow(time.Now(), o.policy)
	if val, err = json.Marshal(h); err != nil {
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

// forget ends a lockout.
func (o *operation) forget(ctx context.Context) error {
	if _, err := o.c.journal().Put(ctx, o.key("history"), nil, -1); err != nil {
		return fmt.Errorf("forget how often it was switched off: %w", err)
	}
	o.res.Changed = true
	return nil
}
