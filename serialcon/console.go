package serialcon

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Console is one port, its log, its screen and its viewers.
type Console struct {
	Name   string // as CheckName allows it
	Port   Opener // required
	Log    Log    // nil keeps nothing
	Screen Screen // nil: history on attach is the last bytes

	// NewSanitizer makes the sanitiser of a stream that is shown to a viewer
	// who is not the writer, and of history. Nil strips every control sequence.
	NewSanitizer func() Sanitizer

	// Engine reads the port together with many others, if the port is
	// Pollable. Nil means a goroutine of its own.
	Engine *Engine

	// Notify is told each event, after the log. It must not block.
	Notify func(Event)
	// Tap is given each burst, after the log and the screen. It must not
	// block, nor keep p.
	Tap func(at time.Time, p []byte)

	Logger *slog.Logger // nil discards
}

// Engine reads many ports.
type Engine struct{}

// Run reads the port until ctx ends.
func (c *Console) Run(ctx context.Context) error { return errors.ErrUnsupported }
