package serialcon

import (
	"context"
	"errors"
	"time"
)

// Mode is what a viewer may do.
type Mode uint8

// The modes.
const (
	ReadOnly  Mode = iota // sees; may ask for the writer's place
	ReadWrite             // sees and types; one per console
	Spy                   // sees, unseen; whatever it types is dropped
)

// AttachOptions say who attaches and how. The zero value is an unnamed
// read-only viewer without history.
type AttachOptions struct {
	Mode    Mode
	Who     string // for events and for the other viewers
	Force   bool   // take the writer's place from whoever holds it
	History int    // bytes of history first; zero means none, less than zero the screen or all that is kept
}

// Session is a viewer of a console.
type Session struct{}

// Attach adds a viewer.
func (c *Console) Attach(ctx context.Context, o AttachOptions) (*Session, error) {
	return nil, errors.ErrUnsupported
}

// Read returns what the port said.
func (s *Session) Read(p []byte) (int, error) { return 0, errors.ErrUnsupported }

// Write types.
func (s *Session) Write(p []byte) (int, error) { return 0, errors.ErrUnsupported }

// Break sends a BREAK.
func (s *Session) Break(ctx context.Context, d time.Duration) error { return errors.ErrUnsupported }

// Mode is what the session may do now.
func (s *Session) Mode() Mode { return ReadOnly }

// Events are the console's events since the session attached.
func (s *Session) Events() <-chan Event { return nil }

// Close detaches.
func (s *Session) Close() error { return nil }
