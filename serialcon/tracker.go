package serialcon

import "bytes"

// A tracker follows a terminal's stream far enough to know where a line starts
// and where an escape sequence, or a character of several bytes, is unfinished:
// the places where something may or may not be put in between. The zero value
// stands at the start of a line.
type tracker struct {
	state  trackState
	length int  // bytes of the string so far
	more   int  // bytes that the character lacks
	middle bool // something stands on the line
}

type trackState uint8

const (
	ground  trackState = iota
	escape             // after ESC
	control            // in CSI
	text               // in OSC, DCS, SOS, PM, APC
	textEsc            // ESC in one of these
)

// maxSequence ends a sequence that nobody ends. Real ones (titles, Sixel
// apart) are shorter.
const maxSequence = 4096

const (
	charCAN = 0x18
	charSUB = 0x1a
	charESC = 0x1b
	charBEL = 0x07
)

// outside reports whether something may be put here.
func (t *tracker) outside() bool { return t.state == ground && t.more == 0 }

// write follows p. It returns the lengths of p up to the last place outside
// and up to the last start of a line; -1 means that there is none in p.
func (t *tracker) write(p []byte) (outside, line int) {
	outside, line = -1, -1
	for i := 0; i < len(p); {
		if t.outside() {
			n := plain(p[i:])
			if n > 0 {
				if at := bytes.LastIndexByte(p[i:i+n], '\n'); at >= 0 {
					line = i + at + 1
				}
				t.middle = p[i+n-1] != '\n'
				i += n
				outside = i
				continue
			}
		}
		t.step(p[i])
		i++
		if t.outside() {
			outside = i
			if !t.middle {
				line = i
			}
		}
	}
	return outside, line
}

// plain is the length of the ASCII text in front of p.
func plain(p []byte) int {
	for i, b := range p {
		if b == charESC || b >= 0x80 {
			return i
		}
	}
	return len(p)
}

// step follows one byte.
func (t *tracker) step(b byte) {
	switch {
	case t.state != ground && (b == charCAN || b == charSUB):
		t.state = ground
		return
	case t.state != ground:
		if t.length++; t.length > maxSequence {
			t.state = ground
			return
		}
	}
	switch t.state {
	case ground:
		t.character(b)
	case escape:
		t.afterEsc(b)
	case control:
		if b == charESC {
			t.state = escape
		} else if b >= 0x40 && b < 0x7f || b >= 0x80 {
			t.state = ground
		}
	case text:
		switch b {
		case charESC:
			t.state = textEsc
		case charBEL:
			t.state = ground
		}
	case textEsc:
		t.state = ground
		if b != '\\' {
			t.afterEsc(b)
		}
	}
}

// character follows a byte of text, UTF-8 or anything else.
func (t *tracker) character(b byte) {
	if t.more > 0 && b&0xc0 == 0x80 {
		t.more--
		return
	}
	t.more = 0
	t.middle = b != '\n'
	switch {
	case b == charESC:
		t.state, t.length = escape, 0
	case b >= 0xf0 && b < 0xf8:
		t.more = 3
	case b >= 0xe0 && b < 0xf0:
		t.more = 2
	case b >= 0xc0 && b < 0xe0:
		t.more = 1
	}
}

func (t *tracker) afterEsc(b byte) {
	switch {
	case b == '[':
		t.state = control
	case b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_':
		t.state = text
	case b == charESC || b >= 0x20 && b < 0x30:
		t.state = escape // intermediates: ESC ( B
	default:
		t.state = ground
	}
}
