package vt

// charsets are the terminal's two sets of characters.
type charsets struct {
	drawing [2]bool // G0 and G1: DEC's line drawing instead of ASCII
	shift   uint8   // which of them is on
}

// lineDrawing is what DEC's set has for 0x5f to 0x7e.
var lineDrawing = [...]rune{
	' ', '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼',
	'⎺', '⎻', '─', '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
}

func (c *charsets) shows(b byte) rune {
	if c.drawing[c.shift] && b >= 0x5f {
		return lineDrawing[b-0x5f]
	}
	return rune(b)
}

// text writes a run of ASCII.
func (in *input) text(p []byte) {
	s := (*Screen)(in)
	if s.modes.insert || s.sets.drawing[s.sets.shift] {
		for _, b := range p {
			s.write(s.sets.shows(b), 1)
		}
		return
	}
	s.last = rune(p[len(p)-1])
	for len(p) > 0 {
		s.wrap(1)
		s.touch()
		n := min(len(p), s.g.cols-s.x)
		s.g.put(s.x, s.y, p[:n], s.pen)
		s.advance(n)
		if !s.modes.autowrap && n < len(p) { // the rest piles up in the last column
			s.g.put(s.x, s.y, p[len(p)-1:], s.pen)
			return
		}
		p = p[n:]
	}
}

// char writes a character beyond ASCII.
func (in *input) char(r rune) {
	s := (*Screen)(in)
	r = shown(r)
	switch w := widthOf(r); w {
	case -1:
	case 0:
		s.mark(r)
	default:
		s.write(r, w)
	}
}

// write puts one character of a width of 1 or 2 at the cursor.
func (s *Screen) write(r rune, width int) {
	if width > s.g.cols || !s.modes.autowrap && s.x+width > s.g.cols {
		return
	}
	s.wrap(width)
	s.touch()
	if s.modes.insert {
		s.g.shift(s.y, s.x, width, s.pen.blank())
	}
	if r < 0x80 {
		one := [1]byte{byte(r)}
		s.g.put(s.x, s.y, one[:], s.pen)
	} else {
		s.g.putWide(s.x, s.y, r, width, s.pen)
	}
	s.advance(width)
	s.last = r
}

// wrap goes to the next row if a character of the width does not fit.
func (s *Screen) wrap(width int) {
	if !s.modes.autowrap || !s.pending && s.x+width <= s.g.cols {
		return
	}
	s.line.join(s)
	s.g.rows[s.y].wrapped = true
	s.x, s.pending = 0, false
	s.index()
}

// advance moves the cursor over what was written. At the edge it stays in the
// last column until the next character.
func (s *Screen) advance(n int) {
	s.x += n
	s.pending = s.x >= s.g.cols
	if s.pending {
		s.x = s.g.cols - 1
	}
}

// mark puts a combining mark on the character before the cursor.
func (s *Screen) mark(r rune) {
	x := s.x - 1
	if s.pending {
		x = s.x
	}
	if x < 0 {
		return
	}
	cells := s.g.expand(s.y)
	if cells[x].ch&tail != 0 {
		x--
	}
	if cells[x].ch == 0 {
		return
	}
	s.touch()
	cells[x] = s.marks.add(cells[x], r, s.eachCell)
}

// eachCell calls fn for all cells of both screens.
func (s *Screen) eachCell(fn func(*cell)) {
	for _, g := range []*grid{s.main, s.alt} {
		if g == nil {
			continue
		}
		for _, r := range g.rows {
			for i := range r.cells {
				fn(&r.cells[i])
			}
		}
	}
}

// repeat writes the last character n times more, on this row.
func (s *Screen) repeat(n int) {
	if s.last == 0 || s.pending {
		return
	}
	w := max(widthOf(s.last), 1)
	for range min(n, (s.g.cols-s.x)/w) {
		s.write(s.last, w)
	}
}
