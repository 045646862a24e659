package serialcon

import (
	"context"
	"io"
	"time"
)

// Log keeps what a console said. It is called by one goroutine at a time. It
// is given each burst before any viewer is, and never waits for a viewer.
type Log interface {
	// Write keeps the bytes that the port said at that time. An error means
	// that p is not kept; the Console counts its bytes as lost, goes on
	// reading and tries again with later ones.
	Write(at time.Time, p []byte) error
	// Event keeps an event, apart from what the port said, so that a guest's
	// text cannot forge it.
	Event(e Event) error
	// Sync makes what was written durable.
	Sync() error
	// Close ends the log. The Console leaves that to whoever opened it.
	Close() error
}

// Recaller is implemented by a Log that gives back what it took, so that a
// Console does not keep it in memory while nobody watches.
type Recaller interface {
	// Taken is how many bytes the log keeps of those that Write was given.
	Taken() int64
	// Recall returns the last n bytes before the one that Taken would call by
	// that number, or as many as there are. It may be called at any time.
	Recall(ctx context.Context, before int64, n int) ([]byte, error)
}

// Screen keeps what a terminal on the port would show. It is called by one
// goroutine at a time.
type Screen interface {
	// Write shows what the port said.
	Write(p []byte)
	// Replay writes what brings an attaching terminal to the same picture:
	// no queries, no bytes of strangers that are not made safe.
	Replay(w io.Writer) error
	// Text is the picture as plain lines.
	Text() string
}

// Sanitizer makes a port's stream safe for a terminal whose answers must not
// be typed into the port, or which nobody guards: no queries, no unbounded
// sequences. It keeps state over calls, since sequences are split by bursts.
type Sanitizer interface {
	// Append appends the safe form of src to dst.
	Append(dst, src []byte) []byte
}
