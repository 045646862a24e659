package serialcon

import (
	"fmt"
	"strings"
)

// Escape is the pair of keys that starts a command, as conserver has it. The
// zero value means that there are no commands.
type Escape [2]byte

// DefaultEscape is conserver's, control-E and c.
func DefaultEscape() Escape { return Escape{0x05, 'c'} }

// ParseEscape reads an Escape as conserver writes it, two keys of which each
// may be a control: "^Ec". "off" and "none" are the zero value.
func ParseEscape(text string) (Escape, error) {
	if text == "off" || text == "none" {
		return Escape{}, nil
	}
	var e Escape
	rest := text
	for i := range e {
		switch {
		case len(rest) >= 2 && rest[0] == '^' && rest[1] >= '?' && rest[1] < 0x7f:
			e[i] = strings.ToUpper(rest[1:2])[0] ^ 0x40
			rest = rest[2:]
		case len(rest) >= 1 && rest[0] > 0x20 && rest[0] < 0x7f:
			e[i] = rest[0]
			rest = rest[1:]
		default:
			return Escape{}, fmt.Errorf(`serialcon: escape %q is not two keys, as "^Ec"`, text)
		}
	}
	if rest != "" || e[0] == 0 {
		return Escape{}, fmt.Errorf(`serialcon: escape %q is not two keys, as "^Ec"`, text)
	}
	return e, nil
}

// String is the Escape as ParseEscape reads it.
func (e Escape) String() string {
	if e == (Escape{}) {
		return "off"
	}
	return keyName(e[0]) + keyName(e[1])
}

func keyName(b byte) string {
	if b < 0x20 || b == 0x7f {
		return "^" + string(rune(b^0x40))
	}
	return string(rune(b))
}

// MarshalText is String.
func (e Escape) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText is ParseEscape.
func (e *Escape) UnmarshalText(text []byte) (err error) {
	*e, err = ParseEscape(string(text))
	return err
}

// A command is what a viewer asked for by an escape.
type command byte

// The commands, named by their keys.
const (
	cmdNone    command = 0
	cmdDetach  command = '.'
	cmdSpy     command = 's'
	cmdForce   command = 'f'
	cmdAttach  command = 'a'
	cmdBreak   command = 'l' // and 0
	cmdWho     command = 'w'
	cmdHelp    command = '?'
	cmdReplay  command = 'r'
	cmdPlay    command = 'p'
	cmdUnknown command = '!'
)

// A filter takes commands out of what a viewer types.
type filter struct {
	keys  Escape
	state filterState
}

type filterState uint8

const (
	filterText  filterState = iota
	filterFirst             // after the first key
	filterKeys              // after both
	filterBreak             // after l
)

// next splits in into what goes to the port, a command that follows it, and
// what was not looked at yet. Send is a part of in, or the first keys that
// turned out to be text.
func (f *filter) next(in []byte) (send []byte, cmd command, rest []byte) {
	if f.keys == (Escape{}) {
		return in, cmdNone, nil
	}
	for i, b := range in {
		switch f.state {
		case filterText:
			if b == f.keys[0] {
				f.state = filterFirst
				if i > 0 {
					return in[:i], cmdNone, in[i+1:]
				}
				return f.next(in[1:])
			}
			continue
		case filterFirst:
			return f.second(b, in[i+1:])
		case filterKeys:
			return f.key(b, in[i+1:])
		}
		f.state = filterText
		if b != '0' {
			return nil, cmdUnknown, in[i+1:]
		}
		return nil, cmdBreak, in[i+1:]
	}
	if f.state != filterText {
		return nil, cmdNone, nil
	}
	return in, cmdNone, nil
}

// second handles the byte after the first key.
func (f *filter) second(b byte, rest []byte) ([]byte, command, []byte) {
	switch b {
	case f.keys[1]:
		f.state = filterKeys
		return nil, cmdNone, rest
	case f.keys[0]: // one is text, the other may start a command
		return []byte{b}, cmdNone, rest
	}
	f.state = filterText
	return []byte{f.keys[0], b}, cmdNone, rest
}

// key handles the byte after both keys.
func (f *filter) key(b byte, rest []byte) ([]byte, command, []byte) {
	f.state = filterText
	switch c := command(b); c {
	case cmdDetach, cmdSpy, cmdForce, cmdAttach, cmdWho, cmdHelp, cmdReplay, cmdPlay:
		return nil, c, rest
	case cmdBreak:
		f.state = filterBreak
		return nil, cmdNone, rest
	}
	if b == f.keys[0] { // the escape itself, for a console behind this one
		return []byte{f.keys[0], f.keys[1]}, cmdNone, rest
	}
	if b == '\r' || b == '\n' {
		return nil, cmdNone, rest // thought better of it
	}
	return nil, cmdUnknown, rest
}
