package vt

import (
	"io"
	"sync"
	"time"
)

// Screen is a terminal of fixed size that a console writes to.
type Screen struct {
	// Lines, if not nil, gets each line of text when the cursor leaves it.
	Lines func(at time.Time, text []byte)

	mu         sync.Mutex
	cols, rows int
}

// New returns an empty screen that keeps as many lines as scrollback says.
func New(cols, rows, scrollback int) *Screen { return &Screen{cols: cols, rows: rows} }

// Write shows what the console sent.
func (s *Screen) Write(p []byte) {}

// Replay writes what makes a terminal show this screen.
func (s *Screen) Replay(w io.Writer) error { return nil }

// Text returns the text on the screen.
func (s *Screen) Text() string { return "" }
