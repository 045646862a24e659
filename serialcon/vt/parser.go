package vt

// Bounds of what a guest can keep unfinished. On a serial line a lost byte may
// begin a string that never ends; what follows must become visible again soon.
const (
	maxString   = 4096 // of an OSC, DCS, APC, PM or SOS, which end at a line feed too
	maxSequence = 256  // of an escape or control sequence
	maxParams   = 32
	maxParam    = 65535
)

// sink gets what a parser finds. Strings (OSC, DCS, APC, PM, SOS) are dropped.
type sink interface {
	text(p []byte)            // printable ASCII in the ground state
	char(r rune)              // a character beyond ASCII
	control(c byte)           // C0
	escape(inter, final byte) // inter is 0, or the only intermediate
	csi(q *sequence)
}

// sequence is a control sequence, CSI to its final byte.
type sequence struct {
	params  [maxParams]int32
	given   uint32 // bit i: parameter i had digits
	sub     uint32 // bit i: parameter i followed a colon
	n       int    // parameters
	private byte   // '<', '=', '>', '?' or 0
	inter   byte   // the only intermediate, or 0
	final   byte
}

// arg returns parameter i, or def where it is missing or 0.
func (q *sequence) arg(i, def int) int {
	if i >= q.n || q.params[i] == 0 {
		return def
	}
	return int(q.params[i])
}

func (q *sequence) digit(c byte) {
	i := max(q.n-1, 0)
	q.n = i + 1
	q.given |= 1 << i
	q.params[i] = min(q.params[i]*10+int32(c-'0'), maxParam)
}

// next begins another parameter. It is false when there are too many.
func (q *sequence) next(colon bool) bool {
	q.n = max(q.n, 1)
	if q.n == maxParams {
		return false
	}
	if colon {
		q.sub |= 1 << q.n
	}
	q.n++
	return true
}

type state uint8

const (
	ground state = iota
	escaped
	escapeInter
	csiParam
	csiInter
	csiIgnore
	stringed
)

// parser is the state machine of a DEC terminal's input (ECMA-48, and the
// public analysis of the VT500's), fed in pieces of any size.
type parser struct {
	state  state
	length int // of what is unfinished
	inter  byte
	bad    bool // more intermediates than one: no sequence we know
	seq    sequence
	dec    decoder
}

func (m *parser) feed(p []byte, to sink) {
	for len(p) > 0 {
		if m.state == ground && m.dec.need == 0 {
			if n := printable(p); n > 0 {
				to.text(p[:n])
				p = p[n:]
				continue
			}
		}
		m.octet(p[0], to)
		p = p[1:]
	}
}

// printable returns how many bytes at the start of p are printable ASCII.
func printable(p []byte) int {
	for i, c := range p {
		if c-0x20 > 0x7e-0x20 {
			return i
		}
	}
	return len(p)
}

func (m *parser) octet(b byte, to sink) {
	if m.dec.need > 0 {
		r, used, done := m.dec.more(b)
		if done {
			m.wide(r, to)
		}
		if used {
			return
		}
	}
	if b < 0x80 {
		m.narrow(b, to)
		return
	}
	r, done, c1 := m.dec.begin(b)
	switch {
	case c1:
		m.c1(b, to)
	case done:
		m.wide(r, to)
	}
}

// wide takes a character beyond ASCII, which ends a sequence that it stands in.
func (m *parser) wide(r rune, to sink) {
	if m.state == stringed {
		m.grow(maxString)
		return
	}
	m.state = ground
	to.char(r)
}

// c1 takes an 8-bit control, which is ESC and another byte in one.
func (m *parser) c1(b byte, to sink) {
	m.begin(escaped)
	m.inEscape(b-0x40, to)
}

func (m *parser) narrow(c byte, to sink) {
	switch c {
	case 0x18, 0x1a: // CAN, SUB
		m.state = ground
		return
	case 0x1b:
		m.begin(escaped)
		return
	case 0x7f:
		if m.state == ground {
			to.control(c)
		}
		return
	}
	if m.state == stringed {
		m.inString(c, to)
		return
	}
	if c < 0x20 {
		to.control(c)
		return
	}
	if m.state != ground && !m.grow(maxSequence) {
		return
	}
	switch m.state {
	case escaped, escapeInter:
		m.inEscape(c, to)
	case csiParam, csiInter, csiIgnore:
		m.inCSI(c, to)
	default:
		one := [1]byte{c}
		to.text(one[:])
	}
}

func (m *parser) begin(st state) {
	m.state, m.length, m.inter, m.bad = st, 0, 0, false
}

// grow counts a byte of what is unfinished, and gives it up when it is too long.
func (m *parser) grow(limit int) bool {
	if m.length++; m.length > limit {
		m.state = ground
		return false
	}
	return true
}

func (m *parser) inString(c byte, to sink) {
	switch c {
	case 0x07:
		m.state = ground
	case '\n':
		m.state = ground
		to.control(c)
	default:
		m.grow(maxString)
	}
}

func (m *parser) inEscape(c byte, to sink) {
	switch {
	case c < 0x30:
		m.state = escapeInter
		m.intermediate(c)
	case m.state == escapeInter:
		m.state = ground
		if !m.bad {
			to.escape(m.inter, c)
		}
	case c == '[':
		m.begin(csiParam)
		m.seq = sequence{}
	case c == 'P', c == 'X', c == '^', c == '_', c == ']', c == 'k': // k: a title, as screen has it
		m.begin(stringed)
	default:
		m.state = ground
		to.escape(0, c)
	}
}

func (m *parser) intermediate(c byte) {
	m.bad = m.bad || m.inter != 0
	m.inter = c
}

func (m *parser) inCSI(c byte, to sink) {
	switch {
	case c >= 0x40:
		m.endCSI(c, to)
	case m.state == csiIgnore:
	case c < 0x30:
		m.state = csiInter
		m.intermediate(c)
	case m.state == csiInter:
		m.state = csiIgnore
	case c <= '9':
		m.seq.digit(c)
	case c == ';' || c == ':':
		if !m.seq.next(c == ':') {
			m.state = csiIgnore
		}
	case m.length == 1: // one of < = > ? comes first
		m.seq.private = c
	default:
		m.state = csiIgnore
	}
}

func (m *parser) endCSI(c byte, to sink) {
	known := m.state != csiIgnore && !m.bad
	m.state = ground
	if known {
		m.seq.inter, m.seq.final = m.inter, c
		to.csi(&m.seq)
	}
}
