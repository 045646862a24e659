package vt

import (
	"sync"
	"time"
)

// Bounds of a screen's size. Others are brought within them.
const (
	MaxCols       = 1000
	MaxRows       = 500
	MaxScrollback = 1 << 20 // lines
)

// Screen is a terminal that a console writes to. It is safe for concurrent use.
//
// What it holds is bounded whatever it is sent; see [Screen.Footprint].
type Screen struct {
	// Lines, if not nil, gets each line of text once the cursor leaves it, as
	// it then reads: a progress bar that returns to its start counts as one
	// line. A line that wrapped at the edge is one line, up to 16 KiB. The time
	// is that of the write with its first character. The text is UTF-8 without
	// controls and without its newline, and only valid during the call, which
	// must not use the Screen. Programs on the alternate screen, such as
	// editors, give no lines. Set it before the first write.
	Lines func(at time.Time, text []byte)

	mu   sync.Mutex // guards all below
	in   parser
	main *grid
	alt  *grid // nil unless the alternate screen is on
	g    *grid // the one on show

	x, y        int
	pending     bool // the cursor is past the last column, and wraps at the next character
	pen         style
	sets        charsets
	top, bottom int // the scroll region, rows within
	modes       modes
	saved       [2]saved // by DECSC, on the main and the alternate screen
	tabs        []bool
	last        rune // the character just written, for REP, or 0

	marks   marks
	history scrollback
	line    lineLog
	scratch []byte
}

// New returns an empty screen that also keeps the last lines that scrolled off
// it, as many as scrollback says.
func New(cols, rows, scrollback int) *Screen {
	cols, rows = min(max(cols, 1), MaxCols), min(max(rows, 1), MaxRows)
	s := &Screen{history: newScrollback(min(max(scrollback, 0), MaxScrollback), cols)}
	s.main = newGrid(cols, rows, &s.marks)
	s.g = s.main
	s.initialise()
	return s
}

// initialise sets what a terminal has after power-on, but for its text.
func (s *Screen) initialise() {
	s.x, s.y, s.pending, s.pen = 0, 0, false, style{}
	s.top, s.bottom = 0, len(s.g.rows)-1
	s.sets = charsets{}
	s.modes = initialModes
	s.saved = [2]saved{}
	s.tabs = defaultTabs(nil, s.g.cols)
}

// defaultTabs brings tab stops to a number of columns, new ones at each eighth.
func defaultTabs(old []bool, cols int) []bool {
	tabs := make([]bool, cols)
	for i := range tabs {
		tabs[i] = i%8 == 0
	}
	copy(tabs, old)
	return tabs
}

// Write shows what the console sent. It never fails.
func (s *Screen) Write(p []byte) { s.WriteAt(time.Now(), p) }

// WriteAt is [Screen.Write] with the time that its lines get.
func (s *Screen) WriteAt(at time.Time, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line.now = at
	s.in.feed(p, (*input)(s))
}

// Flush gives the line that the cursor is on to Lines, if it has text that was
// not given yet: a prompt that waits. What is written to it later comes with the
// whole line again.
func (s *Screen) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave()
}

// Size returns the columns and rows.
func (s *Screen) Size() (cols, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.g.cols, len(s.g.rows)
}

// Cursor returns the column and row that the cursor is in, counted from 0.
func (s *Screen) Cursor() (x, y int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x, s.y
}

// Alternate reports whether the alternate screen is on, as during an editor.
func (s *Screen) Alternate() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alt != nil
}

// Footprint returns about how many bytes the screen holds. A screen of 80 by 24
// that shows plain text takes 6 KB. The most that hostile input makes of it is
// 13 bytes for each column and row, twice that on the alternate screen, the
// scrollback at its columns and 32 bytes a line, and 120 KB of characters with
// marks and of buffers.
func (s *Screen) Footprint() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 1024 + cap(s.tabs) + cap(s.scratch) + cap(s.line.joined) + cap(s.history.buf) + 64*cap(s.marks.list)
	for _, g := range []*grid{s.main, s.alt} {
		if g == nil {
			continue
		}
		n += len(g.spare) * g.cols * 12
		for _, r := range g.rows {
			n += 72 + cap(r.text) + 12*cap(r.cells)
		}
	}
	return n
}

// input is what the parser drives. It keeps the parser's methods out of
// Screen's.
type input Screen

var _ sink = (*input)(nil)
