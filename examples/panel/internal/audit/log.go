package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
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

// keeper has the lines of a log.
type keeper interface {
	// append keeps a line, and the head that it makes, for good.
	append(text []byte, head Head) error
	// chunks are the lines in pieces: the latest piece first, or last. There may be lines
	// after the head, which are being written.
	chunks(ctx context.Context, latestFirst bool, fn func(data []byte) error) error
	close() error
}

// Log is an audit log. Its methods may be called by many goroutines.
type Log struct {
	log *slog.Logger

	// mu makes appending take turns, which includes the disk: a line has the hash of
	// the one before.
	mu     sync.Mutex
	keep   keeper
	head   Head
	last   time.Time
	broken error
}

// Open opens a log, or makes one. What a crash left unfinished is cut off; a log that
// somebody changed is an error that wraps [ErrDamaged]: put its folder away for the
// inquiry, and a new log begins. One process may have it open.
func Open(o Options) (*Log, error) {
	l := &Log{log: cmp.Or(o.Log, slog.New(slog.DiscardHandler))}
	if o.Dir == "" {
		l.keep = new(memory)
		return l, nil
	}
	files, err := openFiles(o.Dir, cmp.Or(o.Size, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("audit: open log %q: %w", o.Dir, err)
	}
	l.keep, l.head, l.last = files, files.head, files.last
	return l, nil
}

// Begin writes down an action that is about to be done. Without error it is on the disk,
// and [Action.End] must follow.
func (l *Log) Begin(ctx context.Context, e Entry) (*Action, error) {
	e.Outcome, e.Problem = Allowed, ""
	head, err := l.write(ctx, line{Entry: e})
	if err != nil {
		return nil, err
	}
	return &Action{log: l, number: head.Number}, nil
}

// Deny writes down what was not allowed, and why.
func (l *Log) Deny(ctx context.Context, e Entry, problem error) error {
	e.Outcome, e.Problem = Denied, problem.Error()
	_, err := l.write(ctx, line{Entry: e})
	return err
}

// Note writes down what has happened and could not have been refused.
func (l *Log) Note(ctx context.Context, e Entry) error {
	e.Outcome, e.Problem = Done, ""
	_, err := l.write(ctx, line{Entry: e})
	return err
}

// Head is the last line, to be kept elsewhere.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Close closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.broken, errClosed) {
		return nil
	}
	l.broken = errClosed
	return l.keep.close()
}

var errClosed = errors.New("the log is closed")

func (l *Log) write(ctx context.Context, w line) (Head, error) {
	if err := ctx.Err(); err != nil {
		return Head{}, fmt.Errorf("audit: write down %s: %w", w.Action, err)
	}
	w.Entry = w.clean()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return Head{}, fmt.Errorf("audit: write down %s: %w", w.Action, l.broken)
	}
	// The clock may be set back; the log's time does not, so that a search can end.
	w.At = time.Now().UTC().Round(0)
	if w.At.Before(l.last) {
		w.At = l.last
	}
	text, head, err := l.head.encode(w)
	if err == nil {
		err = l.keep.append(text, head)
	}
	if err != nil {
		// What is on the disk now is not known: only opening the log anew tells.
		l.broken = err
		l.log.Error("the audit log cannot be written: nothing can be changed until the panel is started anew", "error", err)
		return Head{}, fmt.Errorf("audit: write down %s: %w", w.Action, err)
	}
	l.head, l.last = head, w.At
	return head, nil
}

// Action is one that has begun.
type Action struct {
	log    *Log
	number uint64
}

// End writes down what became of it, and returns err, joined with that of the log if it
// cannot be written.
func (a *Action) End(err error) error {
	e := Entry{Outcome: Done}
	if err != nil {
		e.Outcome, e.Problem = Failed, err.Error()
	}
	// What was done was done, even if nobody waits for it any more.
	_, failed := a.log.write(context.Background(), line{Of: a.number, Entry: e})
	if failed != nil {
		return errors.Join(err, failed)
	}
	return err
}
