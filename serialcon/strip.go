package serialcon

import "unicode/utf8"

// A stripper is the sanitiser of a Console that was given none: text, line
// ends, tabs and backspaces pass, and nothing else.
type stripper struct {
	track tracker
	held  [utf8.UTFMax]byte
	n     int // bytes of held
}

// Append appends the text of src to dst.
func (s *stripper) Append(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		if s.track.state == ground && s.n == 0 {
			if n := visible(src[i:]); n > 0 {
				dst = append(dst, src[i:i+n]...)
				i += n - 1
				continue
			}
		}
		b := src[i]
		was := s.track.state
		s.track.step(b)
		if was != ground || s.track.state != ground {
			s.n = 0
			continue
		}
		dst = s.character(dst, b)
	}
	return dst
}

// visible is the length of the ASCII text in front of p.
func visible(p []byte) int {
	for i, b := range p {
		if !isText(b) {
			return i
		}
	}
	return len(p)
}

func isText(b byte) bool {
	return b == '\r' || b == '\n' || b == '\t' || b == '\b' || b >= 0x20 && b < 0x7f
}

func (s *stripper) character(dst []byte, b byte) []byte {
	switch {
	case isText(b):
		s.n = 0
		return append(dst, b)
	case b < 0x80:
		return dst
	case b >= 0xc0:
		s.n = 0
	case s.n == 0:
		return dst // the rest of a character whose start was not seen, or an 8-bit control
	}
	s.held[s.n] = b
	s.n++
	if !utf8.FullRune(s.held[:s.n]) && s.n < len(s.held) {
		return dst
	}
	r, _ := utf8.DecodeRune(s.held[:s.n])
	s.n = 0
	if r == utf8.RuneError || hidden(r) {
		return dst
	}
	return utf8.AppendRune(dst, r)
}

// hidden reports whether a rune is an 8-bit control, or turns the direction of
// text, or cannot be seen.
func hidden(r rune) bool {
	switch {
	case r >= 0x80 && r < 0xa0, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff, r == 0x061c:
		return true
	}
	return false
}
