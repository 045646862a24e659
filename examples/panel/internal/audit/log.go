package audit

import (
	"context"
	"errors"
	"log/slog"
)

// ErrDamaged is wrapped by errors about a log that was edited or cut.
var ErrDamaged = errors.New("the audit log was changed")

// Options say where a log is.
type Options struct {
	// Dir is its folder, made with mode 0700. "" keeps the latest entries in memory
	// alone, for demonstrations.
	Dir string
	// Size is how many bytes a file of it may have before the next is begun. Zero means
	// 8 MiB.
	Size int64
	// Log says what goes wrong. nil discards.
	Log *slog.Logger
}

// Log is an audit log. Its methods may be called by many goroutines.
type Log struct{ o Options }

// Open opens a log, or makes one. What a crash left unfinished is cut off; a log that
// somebody changed is an error that wraps [ErrDamaged].
func Open(o Options) (*Log, error) { return &Log{o}, nil }

// Head names the last line of a log.
type Head struct {
	Number uint64 `json:"n"`
	// Hash is the SHA-256 of the line, in hex.
	Hash string `json:"hash"`
}

// Begin writes down an action that is about to be done. Without error it is on the disk,
// and [Action.End] must follow.
func (l *Log) Begin(ctx context.Context, e Entry) (*Action, error) { return nil, errors.ErrUnsupported }

// Deny writes down what was not allowed, and why.
func (l *Log) Deny(ctx context.Context, e Entry, problem error) error { return errors.ErrUnsupported }

// Query returns entries, the latest first.
func (l *Log) Query(ctx context.Context, f Filter) ([]Entry, error) {
	return nil, errors.ErrUnsupported
}

// Verify reads the whole log and returns its head. An error that wraps [ErrDamaged] says
// where it was changed.
func (l *Log) Verify(ctx context.Context) (Head, error) { return Head{}, errors.ErrUnsupported }

// Close closes the log.
func (l *Log) Close() error { return nil }

// Action is one that has begun.
type Action struct{}

// End writes down what became of it, and returns err.
func (a *Action) End(err error) error { return err }
