package vt

import "math"

// Text returns the text on the screen, a line for each row down to the last with
// text, without spaces at the ends. It is UTF-8 without controls.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.appendScreen(nil))
}

// TextAll returns the text of the scrollback and of the screen. On the alternate
// screen, that of the main one comes before it.
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
		dst = s.main.appendRows(dst)
	}
	return string(s.appendScreen(dst))
}

func (s *Screen) appendScreen(dst []byte) []byte { return s.g.appendRows(dst) }

func (g *grid) appendRows(dst []byte) []byte {
	end := 0
	for y, r := range g.rows {
		if !g.blankText(r) {
			end = y + 1
		}
	}
	for _, r := range g.rows[:end] {
		dst = append(g.appendText(dst, r, false), '\n')
	}
	return dst
}
