package httphead

// span is a piece of the parsed buffer.
type span struct{ from, to int }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

// trim takes white space off both ends.
func (s span) trim(b []byte) span {
	for s.from < s.to && isBlank(b[s.from]) {
		s.from++
	}
	for s.from < s.to && isBlank(b[s.to-1]) {
		s.to--
	}
	return s
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// field is one field line, by positions in the parsed buffer.
type field struct {
	name  span
	value span // without the white space around it
	line  span // with CRLF
	kind  kind
	plain bool // the line is "name: value" CRLF already
}

// parse reads the field line that begins at i. Its line's end is more if b does
// not hold all of it.
func (f *field) parse(b []byte, i int) Reason {
	colon := i
	for colon < len(b) && classes[b[colon]]&tokenChar != 0 {
		colon++
	}
	if colon == len(b) {
		return 0
	}
	if b[colon] != ':' || colon == i {
		return notName(b, i, colon)
	}
	cr := control(b, colon+1)
	if len(b)-cr < 2 {
		if cr < len(b) {
			return notValue(b[cr], '\n') // as if the next byte were right
		}
		return 0
	}
	if b[cr] != '\r' || b[cr+1] != '\n' {
		return notValue(b[cr], b[cr+1])
	}
	f.name = span{i, colon}
	f.value = span{colon + 1, cr}.trim(b)
	f.line = span{i, cr + 2}
	f.plain = f.value.from == colon+2 && b[colon+1] == ' ' && f.value.to == cr
	f.kind = kindOf(f.name.of(b))
	return 0
}

// notName says what is wrong with a line whose name ends at end.
func notName(b []byte, i, end int) Reason {
	switch {
	case b[end] == '\n':
		return BareLF
	case end == i && isBlank(b[i]):
		return Folded
	}
	return BadName
}

// notValue says what is wrong where a value has a control byte, or 0.
func notValue(c, next byte) Reason {
	switch {
	case c == '\n':
		return BareLF
	case c != '\r':
		return BadValue
	case next != '\n':
		return BareCR
	}
	return 0
}
