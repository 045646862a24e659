package poe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// Audit is told of everything that a [Controller] did or refused to do.
type Audit interface {
	// Record keeps a record. What was done stays done if it cannot; its error
	// then is part of the action's.
	Record(ctx context.Context, r Record) error
}

// Record is one line of an audit: who did what to a port, why, and what came of
// it.
type Record struct {
	Time    time.Time `json:"time"` // when it was over
	Switch  string    `json:"switch"`
	Port    string    `json:"port"`
	Action  Action    `json:"action"`
	Outcome Outcome   `json:"outcome"`
	Who     string    `json:"who"`
	Why     string    `json:"why"`

	Before     PortStatus `json:"before,omitzero"`
	After      PortStatus `json:"after,omitzero"`
	Milliwatts int64      `json:"mw"`               // that the port gave before; of which kind, Before says
	OffFor     int64      `json:"off_ms,omitempty"` // how long the port was certainly without power
	Took       int64      `json:"ms"`               // how long it all took
	Error      string     `json:"error,omitempty"`
}

// Outcome is what came of an action.
type Outcome string

// The outcomes.
const (
	OutcomeDone        Outcome = "done"
	OutcomeUnchanged   Outcome = "unchanged"   // the port was as it should be already
	OutcomeRefused     Outcome = "refused"     // by policy; nothing was done
	OutcomeNoPower     Outcome = "no-power"    // switched on, but gives no power
	OutcomeInterrupted Outcome = "interrupted" // what is left to do is in the journal
	OutcomeFailed      Outcome = "failed"
)

func outcomeOf(r Result, err error) Outcome {
	noPower, _ := errors.AsType[*NoPowerError](err)
	switch {
	case r.Interrupted:
		return OutcomeInterrupted
	case noPower != nil:
		return OutcomeNoPower
	case errors.Is(err, ErrProtected), errors.Is(err, ErrLockedOut), errors.Is(err, ErrBusy), errors.Is(err, ErrOff),
		errors.Is(err, ErrBudget):
		return OutcomeRefused
	case err != nil:
		return OutcomeFailed
	case !r.Changed:
		return OutcomeUnchanged
	}
	return OutcomeDone
}

// maxReason bounds what a record keeps of texts from outside.
const maxReason = 1024

func clip(s string) string {
	if len(s) > maxReason {
		return s[:maxReason] + "…"
	}
	return s
}

func recordOf(r Result, err error) Record {
	rec := Record{
		Time: r.Started.Add(r.Took), Switch: r.Switch, Port: r.Port, Action: r.Action, Outcome: outcomeOf(r, err),
		Who: clip(r.Reason.Who), Why: clip(r.Reason.Why), Before: r.Before, After: r.After,
		Milliwatts: r.Before.Power.Milliwatts, OffFor: r.OffFor.Milliseconds(), Took: r.Took.Milliseconds(),
	}
	if err != nil {
		rec.Error = err.Error()
	}
	return rec
}

// AuditFile appends each record as a line of JSON to a file, and has it on the
// disk before it returns. The file is opened anew for every record, so that it
// may be moved away at any time.
type AuditFile struct {
	Path string // made for its owner only if it is not there
}

var _ Audit = AuditFile{}

// Record implements [Audit].
func (a AuditFile) Record(ctx context.Context, r Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("poe: audit: %w", err)
	}
	f, err := os.OpenFile(a.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("poe: audit: %w", err)
	}
	if err := errors.Join(appendLine(ctx, f, line), f.Close()); err != nil {
		return fmt.Errorf("poe: audit: %w", err)
	}
	return nil
}

// appendLine keeps others out meanwhile, where files have locks.
func appendLine(ctx context.Context, f *os.File, line []byte) error {
	if err := flock(ctx, f); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if torn(f) {
		line = append([]byte{'\n'}, line...)
	}
	_, err := f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync())
}

// torn reports whether a crash left the last line without its end.
func torn(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// AuditLog writes each record to a log: Info what was done, Warn what was not.
type AuditLog struct {
	Log *slog.Logger // nil means slog.Default
}

var _ Audit = AuditLog{}

// Record implements [Audit].
func (a AuditLog) Record(ctx context.Context, r Record) error {
	log := a.Log
	if log == nil {
		log = slog.Default()
	}
	level := slog.LevelInfo
	if r.Error != "" {
		level = slog.LevelWarn
	}
	log.LogAttrs(ctx, level, "poe port switched", slog.String("switch", r.Switch), slog.String("port", r.Port),
		slog.String("action", string(r.Action)), slog.String("outcome", string(r.Outcome)),
		slog.String("who", r.Who), slog.String("why", r.Why),
		slog.String("before", r.Before.Detection.String()), slog.String("after", r.After.Detection.String()),
		slog.Int64("mw", r.Milliwatts), slog.Int64("off_ms", r.OffFor), slog.Int64("ms", r.Took), slog.String("error", r.Error))
	return nil
}

// Audits tells several.
type Audits []Audit

var _ Audit = Audits(nil)

// Record implements [Audit]: it tells each of them, whatever the others say.
func (a Audits) Record(ctx context.Context, r Record) error {
	var errs error
	for _, audit := range a {
		errs = errors.Join(errs, audit.Record(ctx, r))
	}
	return errs
}
