package vt

import "unicode/utf8"

// A colour is 0 for the default, palette|n or direct|rgb. The bits above it, in
// the colours of a style, hold attributes.
const (
	palette    uint32 = 1 << 24
	direct     uint32 = 2 << 24
	colourMask uint32 = 1<<26 - 1
)

// Attributes beside the foreground.
const (
	bold uint32 = 1 << (26 + iota)
	dim
	italic
	underline
	blink
	reverse
)

// Attributes beside the background.
const (
	hidden uint32 = 1 << (26 + iota)
	struck
	doubled // underlined twice
	overline
)

// style is how a cell looks. The zero value is the default.
type style struct{ fg, bg uint32 }

// blank is the style of what is erased: only the background's colour stays.
func (s style) blank() style { return style{bg: s.bg & colourMask} }

// Bits of a cell beside its character.
const (
	cluster uint32 = 1 << 31 // the rest is the number of a base with marks
	lead    uint32 = 1 << 30 // first of two columns
	tail    uint32 = 1 << 29 // second of two columns
	runeOf  uint32 = 1<<24 - 1
)

// cell is one column of one row; ch is 0 where nothing is written.
type cell struct {
	ch uint32
	style
}

// row is a line of the screen. Most rows of a console are plain: ASCII in the
// default style, kept as bytes. Others have a cell for each column.
type row struct {
	text    []byte // where cells is nil
	cells   []cell // as many as columns, or nil
	wrapped bool   // what is written goes on in the next row
}

// grid is the rows of one screen.
type grid struct {
	cols  int
	rows  []*row
	spare [][]cell // of rows that became plain
	marks *marks
}

func newGrid(cols, rows int, m *marks) *grid {
	g := &grid{cols: cols, marks: m, rows: make([]*row, rows)}
	all := make([]row, rows)
	text := make([]byte, rows*cols)
	for i := range all {
		all[i].text = text[i*cols : i*cols : (i+1)*cols]
		g.rows[i] = &all[i]
	}
	return g
}

// clear empties a row, with the background of st.
func (g *grid) clear(y int, st style) {
	r := g.rows[y]
	r.wrapped = false
	r.text = r.text[:0]
	if st == (style{}) {
		if r.cells != nil {
			g.spare = append(g.spare, r.cells)
			r.cells = nil
		}
		return
	}
	fill(g.expand(y), cell{style: st})
}

// fill writes the same in all cells, by ever larger pieces.
func fill(cells []cell, c cell) {
	if len(cells) == 0 {
		return
	}
	cells[0] = c
	for n := 1; n < len(cells); n *= 2 {
		copy(cells[n:], cells[:n])
	}
}

// expand gives a row its cells and returns them.
func (g *grid) expand(y int) []cell {
	r := g.rows[y]
	if r.cells != nil {
		return r.cells
	}
	if n := len(g.spare); n > 0 {
		r.cells, g.spare = g.spare[n-1], g.spare[:n-1]
		clear(r.cells)
	} else {
		r.cells = make([]cell, g.cols)
	}
	for i, c := range r.text {
		r.cells[i].ch = uint32(c)
	}
	r.text = r.text[:0]
	return r.cells
}

// put writes ASCII, which must fit.
func (g *grid) put(x, y int, p []byte, st style) {
	r := g.rows[y]
	if r.cells == nil && st == (style{}) {
		for len(r.text) < x {
			r.text = append(r.text, ' ')
		}
		n := copy(r.text[x:], p)
		r.text = append(r.text, p[n:]...)
		return
	}
	cells := g.expand(y)
	sever(cells, x)
	sever(cells, x+len(p))
	for i, c := range p {
		cells[x+i] = cell{uint32(c), st}
	}
}

// putWide writes a character of one or two columns, which must fit.
func (g *grid) putWide(x, y int, r rune, width int, st style) {
	cells := g.expand(y)
	sever(cells, x)
	sever(cells, x+width)
	if width == 1 {
		cells[x] = cell{uint32(r), st}
		return
	}
	cells[x] = cell{uint32(r) | lead, st}
	cells[x+1] = cell{tail, st}
}

// sever turns the halves of a wide character into spaces if x is between them.
func sever(cells []cell, x int) {
	if x > 0 && x < len(cells) && cells[x].ch&tail != 0 {
		cells[x-1].ch = ' '
		cells[x].ch = ' '
	}
}

// erase blanks columns x0 to x1 of a row, without x1.
func (g *grid) erase(y, x0, x1 int, st style) {
	r := g.rows[y]
	if x1 == g.cols {
		r.wrapped = false
	}
	if r.cells != nil || st != (style{}) {
		cells := g.expand(y)
		sever(cells, x0)
		sever(cells, x1)
		fill(cells[x0:x1], cell{style: st})
		return
	}
	if x1 >= len(r.text) {
		r.text = r.text[:min(x0, len(r.text))]
		return
	}
	for i := x0; i < x1; i++ {
		r.text[i] = ' '
	}
}

// shift moves what is at x and right of it by n columns, left if n is negative.
func (g *grid) shift(y, x, n int, st style) {
	cells := g.expand(y)
	sever(cells, x)
	if n > 0 {
		n = min(n, g.cols-x)
		sever(cells, g.cols-n)
		copy(cells[x+n:], cells[x:])
		fill(cells[x:x+n], cell{style: st})
		return
	}
	n = min(-n, g.cols-x)
	sever(cells, x+n)
	copy(cells[x:], cells[x+n:])
	fill(cells[g.cols-n:], cell{style: st})
	g.rows[y].wrapped = false
}

// up scrolls rows top to bottom, both within, by one.
func (g *grid) up(top, bottom int, st style) {
	first := g.rows[top]
	copy(g.rows[top:bottom], g.rows[top+1:bottom+1])
	g.rows[bottom] = first
	g.clear(bottom, st)
}

// down scrolls rows top to bottom the other way.
func (g *grid) down(top, bottom int, st style) {
	last := g.rows[bottom]
	copy(g.rows[top+1:bottom+1], g.rows[top:bottom])
	g.rows[top] = last
	g.clear(top, st)
}

// empty reports whether a row has no character, not even a space.
func (r *row) empty() bool { return len(r.text) == 0 && written(r.cells) == 0 }

// appendText appends a row's characters. Spaces at the end are left out unless
// all is asked for; columns that nothing was written in always are.
func (g *grid) appendText(dst []byte, r *row, all bool) []byte {
	start := len(dst)
	if r.cells == nil {
		dst = append(dst, r.text...)
	} else {
		dst = g.marks.appendCells(dst, r.cells[:written(r.cells)])
	}
	for !all && len(dst) > start && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// written returns how many cells there are up to the last with a character.
func written(cells []cell) int {
	n := len(cells)
	for n > 0 && cells[n-1].ch == 0 {
		n--
	}
	return n
}

// appendCells appends the characters of cells.
func (m *marks) appendCells(dst []byte, cells []cell) []byte {
	for _, c := range cells {
		dst = m.appendCell(dst, c)
	}
	return dst
}

// appendCell appends what a cell shows.
func (m *marks) appendCell(dst []byte, c cell) []byte {
	switch {
	case c.ch&tail != 0:
		return dst
	case c.ch == 0:
		return append(dst, ' ')
	case c.ch&cluster == 0:
		return utf8.AppendRune(dst, rune(c.ch&runeOf))
	}
	for _, r := range m.list[c.ch&runeOf] {
		if r != 0 {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
