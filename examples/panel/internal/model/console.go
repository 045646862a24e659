package model

import (
	"context"
	"time"
)

// ConsoleOptions say how to open a console.
type ConsoleOptions struct {
	// Keyboard asks for the right to type, which one session has at a time. Take takes
	// it from the session that has it.
	Keyboard, Take bool
	// By is the name of the person.
	By string
}

// Console is a session on a serial console.
type Console interface {
	// Screen waits until the screen is another than the one numbered after, and
	// returns it. After 0 it returns what there is.
	Screen(ctx context.Context, after uint64) (Screen, error)
	// Type sends keys, as a terminal would. Without the keyboard it is an error that
	// wraps ErrRefused.
	Type(ctx context.Context, keys []byte) error
	// Close ends the session.
	Close() error
}

// Screen is a screen of a terminal.
type Screen struct {
	// Number grows with every change.
	Number uint64 `json:"number"`
	// HTML is safe markup of the lines, styled by the classes of CSS of
	// serialcon/vt.
	HTML string `json:"html"`
	// Text is the same without styles, a line per row.
	Text string `json:"text"`
	// Keyboard is whether this session may type, and Holder who may if not.
	Keyboard bool   `json:"keyboard"`
	Holder   string `json:"holder,omitempty"`
}

// LogLine is a line of a console's log.
type LogLine struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}
