package vt

// escape does what an escape sequence says, ESC to its final byte.
func (in *input) escape(inter, final byte) {
	s := (*Screen)(in)
	s.last = 0
	switch inter {
	case '(', ')':
		s.sets.drawing[inter-'('] = final == '0'
	case '#':
		if final == '8' {
			s.align()
		}
	case 0:
		s.plainEscape(final)
	}
}

func (s *Screen) plainEscape(final byte) {
	switch final {
	case '7':
		s.saveCursor()
	case '8':
		s.restoreCursor()
	case '=', '>':
		s.modes.keypad = final == '='
	case 'D':
		s.leave()
		s.pending = false
		s.index()
	case 'E':
		s.leave()
		s.pending = false
		s.index()
		s.x = 0
	case 'H':
		s.tabs[s.x] = true
	case 'M':
		s.reverseIndex()
	case 'c':
		s.reset()
	}
}

// align fills the screen with E, as DECALN does to adjust a tube.
func (s *Screen) align() {
	s.leave()
	s.top, s.bottom = 0, len(s.g.rows)-1
	for y := range s.g.rows {
		fill(s.g.expand(y), cell{ch: 'E'})
	}
	s.moveTo(0, 0)
}

// reset is RIS. What is on the screen goes to the scrollback, as firmware sends
// this at each boot.
func (s *Screen) reset() {
	s.leave()
	s.mainScreen()
	s.initialise()
	s.shelve()
}

// shelve moves the screen's text to the scrollback and leaves the screen blank.
func (s *Screen) shelve() {
	s.leave()
	if s.alt == nil {
		end := len(s.g.rows)
		for end > 0 && s.g.rows[end-1].empty() {
			end--
		}
		for _, r := range s.g.rows[:end] {
			s.keep(r)
		}
	}
	for y := range s.g.rows {
		s.g.clear(y, s.pen.blank())
	}
	s.marks.wait = 0 // there is room again
}

// csi does what a control sequence says.
func (in *input) csi(q *sequence) {
	s := (*Screen)(in)
	last := s.last
	s.last = 0
	switch {
	case q.private == '?' && q.inter == 0 && (q.final == 'h' || q.final == 'l'):
		for i := range max(q.n, 1) {
			s.setPrivate(q.arg(i, 0), q.final == 'h')
		}
	case q.private == 0 && q.inter == '!' && q.final == 'p':
		s.softReset()
	case q.private != 0 || q.inter != 0:
	case q.final == 'b':
		s.last = last
		s.repeat(q.arg(0, 1))
	case q.final == 'm':
		s.pen = s.pen.apply(q)
	default:
		if !s.move(q) && !s.edit(q) {
			s.other(q)
		}
	}
}

// move does what moves the cursor.
func (s *Screen) move(q *sequence) bool {
	n := q.arg(0, 1)
	switch q.final {
	case 'A':
		s.moveRows(s.x, -n)
	case 'B', 'e':
		s.moveRows(s.x, n)
	case 'C', 'a':
		s.moveTo(s.x+n, s.y)
	case 'D':
		s.moveTo(s.x-n, s.y)
	case 'E':
		s.moveRows(0, n)
	case 'F':
		s.moveRows(0, -n)
	case 'G', '`':
		s.moveTo(n-1, s.y)
	case 'H', 'f':
		s.address(q.arg(1, 1)-1, n-1)
	case 'd':
		s.address(s.x, n-1)
	case 'I':
		s.tab(n)
	case 'Z':
		s.tab(-n)
	default:
		return false
	}
	return true
}

// edit does what erases and moves text.
func (s *Screen) edit(q *sequence) bool {
	n, st := q.arg(0, 1), s.pen.blank()
	switch q.final {
	case '@':
		s.g.shift(s.y, s.x, n, st)
	case 'P':
		s.g.shift(s.y, s.x, -n, st)
	case 'X':
		s.g.erase(s.y, s.x, min(s.x+n, s.g.cols), st)
	case 'J':
		s.eraseScreen(q.arg(0, 0))
	case 'K':
		s.eraseLine(q.arg(0, 0))
	case 'L':
		s.moveLines(n, s.g.down)
	case 'M':
		s.moveLines(n, s.g.up)
	case 'S':
		s.leave()
		s.scrollUp(n)
	case 'T':
		if q.n <= 1 { // five are a mouse's tracking
			s.leave()
			s.scrollDown(n)
		}
	default:
		return false
	}
	s.pending = false
	return true
}

// moveLines inserts or deletes rows at the cursor, if it is in the region.
func (s *Screen) moveLines(n int, scroll func(top, bottom int, st style)) {
	if s.y < s.top || s.y > s.bottom {
		return
	}
	s.leave()
	for range min(n, s.bottom-s.y+1) {
		scroll(s.y, s.bottom, s.pen.blank())
	}
	s.x = 0
}

func (s *Screen) eraseLine(what int) {
	st := s.pen.blank()
	switch what {
	case 0:
		s.g.erase(s.y, s.x, s.g.cols, st)
	case 1:
		s.g.erase(s.y, 0, s.x+1, st)
	case 2:
		s.g.erase(s.y, 0, s.g.cols, st)
	}
}

// eraseScreen is ED. When all is erased, the text goes to the scrollback. Nothing
// erases the scrollback: what a guest wrote is evidence.
func (s *Screen) eraseScreen(what int) {
	if what == 2 || what == 0 && s.x == 0 && s.y == 0 {
		s.shelve()
		return
	}
	if what > 1 {
		return
	}
	s.eraseLine(what)
	from, to := s.y+1, len(s.g.rows)
	if what == 1 {
		from, to = 0, s.y
	}
	for y := from; y < to; y++ {
		s.g.clear(y, s.pen.blank())
	}
}

// other does the rest.
func (s *Screen) other(q *sequence) {
	switch q.final {
	case 'g':
		switch q.arg(0, 0) {
		case 0:
			s.tabs[s.x] = false
		case 3:
			clear(s.tabs)
		}
	case 'h', 'l':
		for i := range max(q.n, 1) {
			s.setMode(q.arg(i, 0), q.final == 'h')
		}
	case 'r':
		s.region(q.arg(0, 1)-1, q.arg(1, len(s.g.rows))-1)
	case 's':
		if q.n == 0 {
			s.saveCursor()
		}
	case 'u':
		s.restoreCursor()
	}
}

// region sets the rows that scroll.
func (s *Screen) region(top, bottom int) {
	bottom = min(bottom, len(s.g.rows)-1)
	if top >= bottom {
		return
	}
	s.top, s.bottom = top, bottom
	s.address(0, 0)
}
