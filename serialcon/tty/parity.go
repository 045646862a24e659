package tty

import "fmt"

// Parity is the parity bit of each character.
type Parity uint8

// The kinds of parity. Mark and space are a bit that is always 1 or 0.
const (
	ParityNone Parity = iota
	ParityEven
	ParityOdd
	ParityMark
	ParitySpace
)

var parityNames = [...]string{"none", "even", "odd", "mark", "space"}

// String returns the kind's name: "even".
func (p Parity) String() string {
	if int(p) < len(parityNames) {
		return parityNames[p]
	}
	return fmt.Sprintf("parity-%d", uint8(p))
}

func (p Parity) letter() string { return p.String()[:1] }

// MarshalText returns the kind's name.
func (p Parity) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a name or its first letter.
func (p *Parity) UnmarshalText(text []byte) error {
	for i, name := range parityNames {
		if string(text) == name || string(text) == name[:1] {
			*p = Parity(i)
			return nil
		}
	}
	return fmt.Errorf("%w: parity %q; there are none, even, odd, mark and space", ErrConfig, text)
}
