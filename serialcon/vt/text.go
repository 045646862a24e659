package vt

import "math"

// Text returns the text on the screen, a line for each row down to the last with
// text, without spaces at the ends. It is UTF-8 without controls.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.g.appendRows(nil, false))
}

// TextAll returns the text of the scrollback and of the screen. Lines that wrapped
// at the edge are whole. On the alternate screen, the main one's text comes before.
func (s *Screen) TextAll() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var dst []byte
	s.history.last(math.MaxInt, func(text []byte, wraps bool) {
		dst = Strip(dst, text)
		if !wraps {
			dst = append(dst, '\n')
		}
	})
	if s.alt != nil {
		dst = s.main.appendRows(dst, true)
	}
	return string(s.g.appendRows(dst, true))
}

// appendRows appends the rows down to the last with text.
func (g *grid) appendRows(dst []byte, join bool) []byte {
	end := 0
	for y, r := range g.rows {
		if !g.blankText(r) {
			end = y + 1
		}
	}
	for _, r := range g.rows[:end] {
		wraps := join && r.wrapped
		dst = g.appendText(dst, r, wraps)
		if !wraps {
			dst = append(dst, '\n')
		}
	}
	return dst
}
