package serialcon

import (
	"fmt"
	"time"
)

// EventKind says what happened.
type EventKind uint8

// The kinds of events. N's meaning stands beside those that use it.
const (
	EventNone       EventKind = iota
	EventStarted              // the Console runs
	EventStopped              // the Console ended
	EventOpened               // the port is open
	EventOpenFailed           // the port cannot be opened; Text is why. Told once per reason
	EventClosed               // the open port is gone (unplugged, hung up); Text is why
	EventGap                  // N bytes of the port were lost before the log; Text is where
	EventLogFailed            // the log takes no bytes; Text is why
	EventLogResumed           // the log takes bytes again; N bytes were lost
	EventFrame                // N framing errors
	EventParity               // N parity errors
	EventOverrun              // N overruns in the UART or its driver
	EventBreakIn              // N BREAKs came in
	EventBreakSent            // Who sent a BREAK; N is its length in milliseconds
	EventLines                // modem lines changed; Text is how
	EventAttached             // Who attached; Text is the mode
	EventDetached             // Who detached
	EventQueued               // Who waits for the writer's place
	EventWriter               // Who got the writer's place
	EventTakenOver            // Who took the writer's place by force; Text is from whom
	EventSkipped              // Who's view skipped N bytes, because it did not keep up
	EventMatch                // a pattern matched; Text is its name
	EventSilence              // nothing came for N seconds
	EventRotated              // the log began a new segment
	EventMended               // the log mended what a crash left; N bytes were cut off
	EventNote                 // Text is a message by Who
)

// Event is what happened to a console, apart from what its port said. It is
// kept apart in the log, so that no text of a guest can pass for one.
type Event struct {
	Console string    `json:"console"`
	Kind    EventKind `json:"kind"`
	At      time.Time `json:"at"`
	Who     string    `json:"who,omitempty"`
	Text    string    `json:"text,omitempty"` // may hold bytes of strangers: quote it
	N       int64     `json:"n,omitempty"`

	session uint64 // whose doing it is
	spy     bool   // the other viewers are not told
}

var kindNames = [...]string{
	"none", "started", "stopped", "opened", "open-failed", "closed", "gap", "log-failed", "log-resumed",
	"frame", "parity", "overrun", "break-in", "break-sent", "lines", "attached", "detached", "queued", "writer",
	"taken-over", "skipped", "match", "silence", "rotated", "mended", "note",
}

// String returns the kind's name in logs: "log-resumed".
func (k EventKind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

// MarshalText returns the kind's name.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads a name that MarshalText wrote.
func (k *EventKind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = EventKind(i)
			return nil
		}
	}
	return fmt.Errorf("serialcon: no event is called %q", text)
}
