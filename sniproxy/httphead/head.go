package httphead

import "bytes"

// head is what heads of requests and responses have in common.
type head struct {
	buf    []byte // what was parsed
	fields []field

	length    int64 // of Content-Length, if hasLength
	hasLength bool
	chunked   bool // by Transfer-Encoding

	hosts     int // Host fields, of which hostField is the last
	hostField span
	continues bool // Expect: 100-continue
	expects   bool // or something else

	// What Connection and Upgrade said.
	close     bool
	upgrade   bool
	options   [maxOptions]span // names of fields, perhaps
	optionsN  int
	upgradeTo span // the value of Upgrade, if it is the only one
	upgrades  int
}

// maxOptions is how many options Connection may have that are not known here:
// each field is compared with each.
const maxOptions = 16

func (h *head) reset(b []byte) {
	h.buf, h.fields = b, h.fields[:0]
	h.length, h.hasLength, h.chunked = 0, false, false
	h.hosts, h.continues, h.expects = 0, false, false
	h.close, h.upgrade, h.optionsN, h.upgrades = false, false, 0, 0
}

// more is the size of a head that is not complete.
const more = 0

// parseFields reads field lines from i to the empty line. It returns where that
// ends, or more.
func (h *head) parseFields(i int, l Limits) (int, Reason) {
	b := h.buf
	for {
		if len(b)-i < 2 {
			return more, 0
		}
		if b[i] == '\r' {
			if b[i+1] != '\n' {
				return more, BareCR
			}
			return i + 2, 0
		}
		if len(h.fields) == l.fields() {
			return more, TooLarge
		}
		h.fields = append(h.fields, field{})
		f := &h.fields[len(h.fields)-1]
		if why := f.parse(b, i); why != 0 || f.line.to == more {
			return more, why
		}
		if f.kind != other {
			if why := h.know(f); why != 0 {
				return more, why
			}
		}
		i = f.line.to
	}
}

// know takes what a field of framing says.
func (h *head) know(f *field) Reason {
	value := f.value.of(h.buf)
	switch f.kind {
	case contentLength:
		return h.setLength(value)
	case transferEncoding:
		if h.chunked {
			return TwoCodings
		}
		if !equalFold(value, "chunked") {
			return BadCoding
		}
		h.chunked = true
	case host:
		h.hosts++
		h.hostField = f.value
	case expect:
		known := equalFold(value, "100-continue")
		h.continues, h.expects = h.continues || known, h.expects || !known
	case connection:
		return h.setConnection(f.value)
	case upgrade:
		h.upgrades++
		h.upgradeTo = f.value
	}
	return 0
}

// setLength reads Content-Length. A list, even of equal numbers, is none.
func (h *head) setLength(value []byte) Reason {
	if h.hasLength {
		return TwoLengths
	}
	const maxDigits = 18 // fit 63 bits
	if len(value) == 0 || len(value) > maxDigits {
		return BadLength
	}
	for _, c := range value {
		if classes[c]&digit == 0 {
			return BadLength
		}
		h.length = h.length*10 + int64(c-'0')
	}
	h.hasLength = true
	return 0
}

// setConnection reads a list of connection options (RFC 9110, section 7.6.1).
func (h *head) setConnection(s span) Reason {
	for s.from < s.to {
		option := span{s.from, s.to}
		if comma := bytes.IndexByte(s.of(h.buf), ','); comma >= 0 {
			option.to = s.from + comma
		}
		s.from = option.to + 1
		if option = option.trim(h.buf); option.from == option.to {
			continue // an empty element of a list
		}
		text := option.of(h.buf)
		switch {
		case !isToken(text):
			return BadConnection
		case equalFold(text, "close"):
			h.close = true
		case equalFold(text, "upgrade"):
			h.upgrade = true
		case equalFold(text, "keep-alive"):
		case h.optionsN == maxOptions:
			return BadConnection
		default:
			h.options[h.optionsN] = option
			h.optionsN++
		}
	}
	return 0
}

// listed reports whether Connection names the field.
func (h *head) listed(f *field) bool {
	for _, option := range h.options[:h.optionsN] {
		if sameFold(f.name.of(h.buf), option.of(h.buf)) {
			return true
		}
	}
	return false
}

// websocket reports whether the only protocol to upgrade to is that one.
func (h *head) websocket() bool {
	return h.upgrade && h.upgrades == 1 && equalFold(h.upgradeTo.of(h.buf), "websocket")
}

// copier copies field lines, those that adjoin in one piece.
type copier struct {
	dst, buf []byte
	run      span
}

// keep copies the line as it is, or written anew if it has odd white space.
func (c *copier) keep(f *field) {
	if !f.plain {
		c.flush()
		c.dst = appendField(c.dst, f.name.of(c.buf), f.value.of(c.buf))
		return
	}
	if c.run.to != f.line.from {
		c.flush()
		c.run.from = f.line.from
	}
	c.run.to = f.line.to
}

func (c *copier) flush() {
	c.dst = append(c.dst, c.run.of(c.buf)...)
	c.run = span{}
}

func appendField[T string | []byte](dst []byte, name, value T) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}
