package sshd

import "io"

// A safeWriter passes text on without control characters, so that what a guest
// once said does nothing to the terminal that shows its log.
type safeWriter struct {
	w       io.Writer
	crlf    bool // a terminal in raw mode needs both
	written int64
	lead    bool // 0xc2 waits for what follows: C1 controls are two bytes in UTF-8
}

func newSafeWriter(w io.Writer, crlf bool) *safeWriter { return &safeWriter{w: w, crlf: crlf} }

func (s *safeWriter) Write(p []byte) (int, error) {
	out := make([]byte, 0, len(p)+16)
	for _, b := range p {
		if s.lead {
			s.lead = false
			if b >= 0x80 && b < 0xa0 {
				out = append(out, '?')
				continue
			}
			out = append(out, 0xc2)
		}
		switch {
		case b == 0xc2:
			s.lead = true
		case b == '\n' && s.crlf:
			out = append(out, '\r', '\n')
		case b == '\r':
		case b < 0x20 && b != '\n' && b != '\t' || b == 0x7f:
			out = append(out, '?')
		default:
			out = append(out, b)
		}
	}
	n, err := s.w.Write(out)
	s.written += int64(n)
	if err != nil {
		return 0, err
	}
	return len(p), nil
}
