package vt

// modes are what a program can switch.
type modes struct {
	autowrap, insert, newline, origin, visible, negative bool
	// What keys send, for a viewer who types.
	arrows, keypad, paste bool
}

var initialModes = modes{autowrap: true, visible: true}

// setMode sets one of the modes that ECMA-48 numbers.
func (s *Screen) setMode(n int, on bool) {
	switch n {
	case 4:
		s.modes.insert = on
	case 20:
		s.modes.newline = on
	}
}

// setPrivate sets one of the modes that DEC and xterm number.
func (s *Screen) setPrivate(n int, on bool) {
	switch n {
	case 1:
		s.modes.arrows = on
	case 5:
		s.modes.negative = on
	case 6:
		s.modes.origin = on
		s.address(0, 0)
	case 7:
		s.modes.autowrap = on
	case 25:
		s.modes.visible = on
	case 66:
		s.modes.keypad = on
	case 2004:
		s.modes.paste = on
	case 47, 1047, 1049:
		s.alternate(n, on)
	case 1048:
		if on {
			s.saveCursor()
		} else {
			s.restoreCursor()
		}
	}
}

// alternate switches screens. The alternate one is always blank at first.
func (s *Screen) alternate(n int, on bool) {
	if on == (s.alt != nil) {
		return
	}
	s.leave()
	if !on {
		s.mainScreen()
		if n == 1049 {
			s.restoreCursor()
		}
		return
	}
	if n == 1049 {
		s.saveCursor()
	}
	s.alt = newGrid(s.main.cols, len(s.main.rows), &s.marks)
	s.g = s.alt
	for y := range s.g.rows {
		s.g.clear(y, s.pen.blank())
	}
}

func (s *Screen) mainScreen() {
	s.alt, s.g = nil, s.main
	s.saved[1] = saved{}
	s.pending = s.pending && s.x == s.g.cols-1
}

// softReset is DECSTR.
func (s *Screen) softReset() {
	s.pen, s.sets, s.pending = style{}, charsets{}, false
	s.top, s.bottom = 0, len(s.g.rows)-1
	*s.slot() = saved{}
	m := &s.modes
	m.visible, m.autowrap, m.insert, m.origin, m.arrows, m.keypad = true, true, false, false, false, false
}

// Resize changes the size. Text keeps its place and is not wrapped anew; rows
// that leave at the top go to the scrollback.
func (s *Screen) Resize(cols, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cols, rows = min(max(cols, 1), MaxCols), min(max(rows, 1), MaxRows)
	if cols == s.g.cols && rows == len(s.g.rows) {
		return
	}
	s.leave()
	// All rows above the cursor that must leave do so, on both screens.
	drop := max(0, s.y+1-rows)
	for _, r := range s.main.rows[:min(drop, len(s.main.rows))] {
		s.keep(r)
	}
	s.main = s.main.resized(cols, rows, drop)
	s.g = s.main
	if s.alt != nil {
		s.alt = s.alt.resized(cols, rows, drop)
		s.g = s.alt
	}
	s.history.limit(cols)
	s.tabs = defaultTabs(s.tabs, cols)
	s.top, s.bottom = 0, rows-1
	s.moveTo(s.x, s.y-drop)
}

// resized returns a copy of another size, without the first rows.
func (g *grid) resized(cols, rows, drop int) *grid {
	to := newGrid(cols, rows, g.marks)
	for y, r := range g.rows[drop:] {
		if y == rows {
			break
		}
		k := to.rows[y]
		k.wrapped = r.wrapped && cols == g.cols
		k.text = append(k.text, r.text[:min(len(r.text), cols)]...)
		if r.cells != nil {
			sever(r.cells, cols)
			copy(to.expand(y), r.cells)
		}
	}
	return to
}
