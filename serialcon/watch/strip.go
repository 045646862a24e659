package watch

// maxSequence is how many bytes an escape sequence may hide.
const maxSequence = 256

// What a byte of the stream is.
type kind uint8

const (
	isNothing kind = iota // part of a sequence, or a control character
	isText
	isEnd // of a line
)

// mode is where in an escape sequence (ECMA-48) the stream is.
type mode uint8

const (
	inText    mode = iota
	inEscape       // after ESC
	inControl      // CSI
	inString       // OSC, DCS, APC, PM, SOS: up to BEL or ESC \
	inStringEnd
)

// A stripper finds what is text. Line ends count inside sequences too, so that
// one that never ends hides no line.
type stripper struct {
	mode   mode
	length int // of the sequence
}

func (s *stripper) next(b byte) kind {
	switch {
	case b == '\n' || b == '\r':
		s.mode = inText
		return isEnd
	case b == 0x18 || b == 0x1a: // CAN, SUB
		s.mode = inText
		return isNothing
	case b == 0x1b && s.mode == inString:
		s.mode = inStringEnd
		return isNothing
	case b == 0x1b:
		s.mode, s.length = inEscape, 0
		return isNothing
	}
	if s.mode == inText {
		if unseen(rune(b)) {
			return isNothing
		}
		return isText
	}
	s.hidden(b)
	return isNothing
}

// hidden goes on inside a sequence.
func (s *stripper) hidden(b byte) {
	if s.length++; s.length >= maxSequence {
		s.mode = inText
		return
	}
	switch s.mode {
	case inEscape:
		switch {
		case b == '[':
			s.mode = inControl
		case b == ']' || b == 'P' || b == '_' || b == '^' || b == 'X':
			s.mode = inString
		case b >= 0x30:
			s.mode = inText
		}
	case inControl:
		if b >= 0x40 {
			s.mode = inText
		}
	case inString:
		if b == 0x07 {
			s.mode = inText
		}
	case inStringEnd:
		s.mode = inText
	}
}
