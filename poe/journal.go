package poe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"
)

// Intent is what a [Controller] has begun at a port. It is in the journal, on the
// disk, before the first order goes to the switch, and leaves it when the port is
// known to be as it shall be and that is in the audit.
type Intent struct {
	Port    string    `json:"port"`
	Action  Action    `json:"action"`
	On      bool      `json:"on"` // the port is to be on at the end
	Who     string    `json:"who"`
	Why     string    `json:"why"`
	Started time.Time `json:"started"`
	Dark    time.Time `json:"dark,omitzero"` // since when the port certainly gave no power
}

// Pending returns what is begun and not ended: by others who are at it now, or by
// a process that ended meanwhile. An entry that cannot be read is in the error
// and does not hide the others.
func (c *Controller) Pending(ctx context.Context) ([]Intent, error) {
	var intents []Intent
	var damaged error
	err := c.journal().List(ctx, c.key("intent", ""), func(key string, val []byte, _ int64) error {
		in, err := parseIntent(key, val)
		if err != nil {
			damaged = errors.Join(damaged, err)
			return nil
		}
		intents = append(intents, in)
		return nil
	})
	return intents, errors.Join(damaged, err)
}

// key is where something of a port is kept. The port's name comes last, so that
// it may contain anything.
func (c *Controller) key(kind, port string) string {
	return kind + "/" + url.PathEscape(c.Name) + "/" + port
}

func (o *operation) key(kind string) string { return o.c.key(kind, o.res.Port) }

func parseIntent(key string, val []byte) (Intent, error) {
	var in Intent
	if err := json.Unmarshal(val, &in); err != nil || in.Port == "" {
		return in, fmt.Errorf("poe: journal entry %q is damaged: look at the port, then remove the entry: %w", key, errors.Join(err, fs.ErrInvalid))
	}
	return in, nil
}

func (c *Controller) readIntent(ctx context.Context, key string) (in Intent, rev int64, err error) {
	val, rev, err := c.journal().Get(ctx, key)
	if err != nil {
		return in, 0, err
	}
	in, err = parseIntent(key, val)
	return in, rev, err
}

// loadIntent finds out what somebody left undone at the port.
func (o *operation) loadIntent(ctx context.Context) (err error) {
	o.intent, o.intentRev, err = o.c.readIntent(ctx, o.key("intent"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// pendingOn reports whether the port is off only because something was left
// undone.
func (o *operation) pendingOn() bool { return o.intentRev != 0 && o.intent.On }

// beginIntent has the journal know what is about to happen.
func (o *operation) beginIntent(ctx context.Context, on bool) error {
	return o.putIntent(ctx, Intent{
		Port: o.res.Port, Action: o.res.Action, On: on,
		Who: clip(o.res.Reason.Who), Why: clip(o.res.Reason.Why), Started: time.Now(),
	})
}

// noteDark has the journal know since when there is no power, so that Recover
// need not wait again.
func (o *operation) noteDark(ctx context.Context, since time.Time) error {
	in := o.intent
	in.Dark = since
	return o.putIntent(ctx, in)
}

func (o *operation) putIntent(ctx context.Context, in Intent) error {
	val, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	rev, err := o.c.journal().Put(ctx, o.key("intent"), val, o.intentRev)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	o.intent, o.intentRev = in, rev
	return nil
}

// endIntent takes it out of the journal, even when the context has ended.
func (o *operation) endIntent(ctx context.Context) error {
	if o.intentRev == 0 {
		return nil
	}
	ctx, cancel := detach(ctx)
	defer cancel()
	if _, err := o.c.journal().Put(ctx, o.key("intent"), nil, o.intentRev); err != nil {
		return fmt.Errorf("clear the journal: %w", err)
	}
	o.intentRev = 0
	return nil
}
