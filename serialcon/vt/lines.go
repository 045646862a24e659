package vt

import (
	"bytes"
	"time"
)

// maxLine bounds a line that wraps and never ends, in bytes.
const maxLine = 16 << 10

// lineLog follows the line that the cursor is on, for [Screen.Lines].
type lineLog struct {
	now    time.Time // of the write under way
	at     time.Time // when the first character came
	dirty  bool      // something was written that was not given yet
	joined []byte    // the rows above the cursor's that wrapped into it
}

// wanted reports whether lines are to be given.
func (s *Screen) wanted() bool { return s.Lines != nil && s.alt == nil }

// touch notes that a character is written in the cursor's row.
func (s *Screen) touch() {
	if !s.line.dirty {
		s.line.dirty, s.line.at = true, s.line.now
	}
}

// join keeps the row's text, as the line goes on in the next.
func (l *lineLog) join(s *Screen) {
	if !s.wanted() {
		return
	}
	s.touch()
	l.joined = s.g.appendText(l.joined, s.g.rows[s.y], true)
	if len(l.joined) >= maxLine {
		s.Lines(l.at, l.joined)
		l.joined = l.joined[:0]
		l.at = l.now
	}
}

// leave gives the line that the cursor is about to leave.
func (s *Screen) leave() {
	l := &s.line
	if !l.dirty {
		return
	}
	l.dirty = false
	if !s.wanted() {
		l.joined = l.joined[:0]
		return
	}
	var text []byte
	if r := s.g.rows[s.y]; len(l.joined) == 0 && r.cells == nil {
		text = r.text
	} else {
		l.joined = s.g.appendText(l.joined, r, false)
		text = l.joined
	}
	if text = bytes.TrimRight(text, " "); len(text) > 0 {
		s.Lines(l.at, text)
	}
	l.joined = l.joined[:0]
}

// blank gives an empty line, if a line feed ends one.
func (l *lineLog) blank(s *Screen) {
	if s.wanted() && len(l.joined) == 0 && s.g.blankText(s.g.rows[s.y]) {
		l.dirty = false
		s.Lines(l.now, nil)
	}
}

// blankText reports whether a row shows no character.
func (g *grid) blankText(r *row) bool {
	for _, c := range r.cells {
		if c.ch != 0 && c.ch != ' ' {
			return false
		}
	}
	return len(bytes.TrimLeft(r.text, " ")) == 0
}
