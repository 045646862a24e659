package sshd

import (
	"io"
	"unicode"
	"unicode/utf8"
)

// A safeWriter passes text on without control characters, so that what a guest
// once said does nothing to the terminal that shows its log. What is no UTF-8
// could be a control character of a terminal of 8 bits, and goes too.
type safeWriter struct {
	w       io.Writer
	crlf    bool // a terminal in raw mode needs both
	written int64
	part    []byte // of a character
}

func newSafeWriter(w io.Writer, crlf bool) *safeWriter { return &safeWriter{w: w, crlf: crlf} }

func (s *safeWriter) Write(p []byte) (int, error) {
	in := append(s.part, p...)
	out := make([]byte, 0, len(in)+16)
	for len(in) > 0 && utf8.FullRune(in) {
		r, n := utf8.DecodeRune(in)
		switch {
		case r == '\n' && s.crlf:
			out = append(out, '\r', '\n')
		case r == '\r':
		case r == utf8.RuneError && n == 1, unicode.IsControl(r) && r != '\n' && r != '\t':
			out = append(out, '?')
		default:
			out = append(out, in[:n]...)
		}
		in = in[n:]
	}
	s.part = append(s.part[:0], in...)
	n, err := s.w.Write(out)
	s.written += int64(n)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}
