package httphead

import "bytes"

// scanner finds the end of a head that arrives in pieces, looking at each byte
// once. The head is parsed when it is complete, or at the first piece.
type scanner struct {
	scanned int  // bytes that hold no end
	line    int  // where the line begins that is not complete
	lines   int  // complete ones, without an empty one in front
	checked bool // the first line was looked at
}

// advance looks at what is new in b. It returns whether the head is complete.
func (s *scanner) advance(b []byte) (bool, Reason) {
	for {
		i := bytes.IndexByte(b[s.scanned:], '\n')
		if i < 0 {
			s.scanned = len(b)
			return false, 0
		}
		end := s.scanned + i
		if end == 0 || b[end-1] != '\r' {
			return false, BareLF
		}
		empty := end-1 == s.line
		s.scanned, s.line = end+1, end+1
		switch {
		case !empty:
			s.lines++
		case s.lines > 0:
			return true, 0
		case end > 1: // a second empty line in front
			return false, BadStartLine
		}
	}
}

// firstLine reports, once, that the first line has become complete.
func (s *scanner) firstLine() bool {
	first := s.lines > 0 && !s.checked
	s.checked = s.checked || first
	return first
}

// full says what is wrong when b, which holds no head within the limit, is as long
// as that.
func full(b []byte, l Limits) Reason {
	if len(b) < l.head() {
		return 0
	}
	b = bytes.TrimPrefix(b[:l.head()], []byte("\r\n"))
	if bytes.IndexByte(b, '\n') < 0 {
		return TooLong
	}
	return TooLarge
}
