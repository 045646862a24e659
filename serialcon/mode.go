package serialcon

import "fmt"

// Mode is what a viewer may do.
type Mode uint8

// The modes.
const (
	ReadOnly  Mode = iota // sees, and never types
	ReadWrite             // sees, and may hold the writer's place, of which a console has one
	Spy                   // as ReadOnly, and the other viewers are not told
)

// String is the mode in events: "read-write".
func (m Mode) String() string {
	switch m {
	case ReadOnly:
		return "read-only"
	case ReadWrite:
		return "read-write"
	case Spy:
		return "spy"
	}
	return fmt.Sprintf("mode-%d", uint8(m))
}

// MarshalText returns the mode's name.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
