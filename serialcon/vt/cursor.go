package vt

// control does what a C0 control says.
func (in *input) control(c byte) {
	s := (*Screen)(in)
	s.last = 0
	switch c {
	case '\b':
		s.moveTo(s.x-1, s.y)
	case '\t':
		s.tab(1)
	case '\n', '\v', '\f':
		s.linefeed()
	case '\r':
		s.moveTo(0, s.y)
	case 0x0e, 0x0f: // SO, SI
		s.sets.shift = 0x0f - c
	}
}

// linefeed goes down a row, and to the first column where the mode says so.
func (s *Screen) linefeed() {
	s.line.blank(s)
	s.leave()
	s.index()
	if s.modes.newline {
		s.x = 0
	}
	s.pending = false
}

// index goes down a row and scrolls at the end of the region.
func (s *Screen) index() {
	switch {
	case s.y == s.bottom:
		s.scrollUp(1)
	case s.y < len(s.g.rows)-1:
		s.y++
	}
}

// reverseIndex goes up a row and scrolls at the start of the region.
func (s *Screen) reverseIndex() {
	s.leave()
	s.pending = false
	switch {
	case s.y == s.top:
		s.scrollDown(1)
	case s.y > 0:
		s.y--
	}
}

// scrollUp scrolls the region. What leaves it at its top is kept, even where that
// is not the screen's: it was readable once.
func (s *Screen) scrollUp(n int) {
	for range min(n, s.bottom-s.top+1) {
		if s.alt == nil {
			s.keep(s.g.rows[s.top])
		}
		s.g.up(s.top, s.bottom, s.pen.blank())
	}
}

func (s *Screen) scrollDown(n int) {
	for range min(n, s.bottom-s.top+1) {
		s.g.down(s.top, s.bottom, s.pen.blank())
	}
}

// keep adds a row to the scrollback.
func (s *Screen) keep(r *row) {
	if r.cells == nil && !r.wrapped {
		s.history.add(r.text, false)
		return
	}
	s.scratch = s.g.appendStyled(s.scratch[:0], r, r.wrapped)
	s.history.add(s.scratch, r.wrapped)
}

// moveTo moves the cursor to a place on the screen.
func (s *Screen) moveTo(x, y int) {
	y = min(max(y, 0), len(s.g.rows)-1)
	if y != s.y {
		s.leave()
	}
	s.x, s.y, s.pending = min(max(x, 0), s.g.cols-1), y, false
}

// moveRows moves the cursor by rows, not over the edge of the region from within.
func (s *Screen) moveRows(x, n int) {
	y := s.y + n
	if n < 0 && s.y >= s.top {
		y = max(y, s.top)
	}
	if n > 0 && s.y <= s.bottom {
		y = min(y, s.bottom)
	}
	s.moveTo(x, y)
}

// address moves the cursor to where a program says, which origin mode counts
// from the region's first row and keeps within it.
func (s *Screen) address(x, y int) {
	if s.modes.origin {
		y = min(y+s.top, s.bottom)
	}
	s.moveTo(x, y)
}

// tab moves the cursor over n tab stops, back if n is negative.
func (s *Screen) tab(n int) {
	if s.pending && n > 0 {
		return
	}
	x := s.x
	for ; n > 0 && x < s.g.cols-1; n-- {
		for x++; x < s.g.cols-1 && !s.tabs[x]; x++ {
		}
	}
	for ; n < 0 && x > 0; n++ {
		for x--; x > 0 && !s.tabs[x]; x-- {
		}
	}
	s.moveTo(x, s.y)
}

// saved is what DECSC keeps.
type saved struct {
	x, y    int
	pending bool
	origin  bool
	pen     style
	sets    charsets
}

func (s *Screen) slot() *saved {
	if s.alt != nil {
		return &s.saved[1]
	}
	return &s.saved[0]
}

func (s *Screen) saveCursor() {
	*s.slot() = saved{s.x, s.y, s.pending, s.modes.origin, s.pen, s.sets}
}

func (s *Screen) restoreCursor() {
	k := *s.slot()
	s.moveTo(k.x, k.y)
	s.pending = k.pending && s.x == s.g.cols-1
	s.modes.origin, s.pen, s.sets = k.origin, k.pen, k.sets
}
