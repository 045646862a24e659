package vt

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// ReplayOptions says what a viewer is sent. The zero value sends all.
type ReplayOptions struct {
	// History is how many lines of scrollback come before the screen. Zero
	// means all; negative means none.
	History int
	// Rows is the height of the viewer's terminal, if it is known. Zero means
	// that of the screen.
	Rows int
}

// Replay writes what makes a terminal show this screen, after the scrollback.
// See [Screen.ReplayTo].
func (s *Screen) Replay(w io.Writer) error { return s.ReplayTo(w, ReplayOptions{}) }

// ReplayTo writes, in one call, what brings a viewer's terminal to the state of
// this screen, whatever state it is in: text, colours, cursor, scroll region,
// tab stops and modes. What the viewer had on its screen scrolls up as if lines
// had been printed; nothing erases its scrollback. The bytes hold no query, so
// that the terminal answers nothing.
func (s *Screen) ReplayTo(w io.Writer, o ReplayOptions) error {
	if _, err := w.Write(s.replay(o)); err != nil {
		return fmt.Errorf("vt: replay the screen to a viewer: %w", err)
	}
	return nil
}

// replayStart leaves a terminal with its defaults, at the start of an empty last
// row, with all that it showed above it.
const replayStart = "\x1b[?47l\x1b[m\x0f\x1b(B\x1b)B\x1b[4l\x1b[20l\x1b[?6l\x1b[r\x1b[?7h\x1b[999;1H\r\n"

func (s *Screen) replay(o ReplayOptions) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	dst := append(make([]byte, 0, 4096), replayStart...)
	lines := o.History
	if lines == 0 {
		lines = math.MaxInt
	}
	s.history.last(lines, func(text []byte, wraps bool) {
		dst = append(dst, text...)
		if !wraps {
			dst = append(dst, "\r\n"...)
		}
	})
	rows := len(s.main.rows)
	if o.Rows > 0 {
		rows = min(o.Rows, MaxRows)
	}
	for range rows {
		dst = append(dst, "\r\n"...)
	}
	dst = s.main.draw(dst)
	if s.alt != nil {
		dst = s.place(dst, s.saved[0], s.main)
		dst = append(dst, "\x1b[?1049h\x1b[m\x0f\x1b(B\x1b)B\x1b[?6l"...)
		dst = s.alt.draw(dst)
	}
	dst = s.replayTabs(dst)
	dst = appendCSI(dst, 'r', s.top+1, s.bottom+1)
	dst = s.place(dst, *s.slot(), s.g)
	dst = append(dst, "\x1b7\x0f\x1b(B\x1b)B"...)
	dst = s.place(dst, saved{s.x, s.y, s.pending, s.modes.origin, s.pen, s.sets}, s.g)
	return s.modes.appendTo(dst)
}

func appendCSI(dst []byte, final byte, params ...int) []byte {
	dst = append(dst, "\x1b["...)
	for i, n := range params {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = strconv.AppendInt(dst, int64(n), 10)
	}
	return append(dst, final)
}

// draw appends all rows, each at its place, and clears what is below them.
func (g *grid) draw(dst []byte) []byte {
	dst = append(dst, "\x1b[?7l"...)
	for y, r := range g.rows {
		dst = appendCSI(dst, 'H', y+1, 1)
		if y == len(g.rows)-1 {
			dst = append(dst, "\x1b[J"...)
		} else {
			dst = append(dst, "\x1b[K"...)
		}
		dst = g.appendStyled(dst, r, false)
	}
	return append(dst, "\x1b[?7h"...)
}

// place appends what brings the cursor and its pen to k. A cursor that waits
// past the last column gets there by writing what is there once more.
func (s *Screen) place(dst []byte, k saved, g *grid) []byte {
	x, y := min(k.x, g.cols-1), min(k.y, len(g.rows)-1)
	dst = append(dst, "\x1b[?6l"...)
	if k.origin {
		dst = append(dst, "\x1b[?6h"...)
		y = min(max(y, s.top), s.bottom) - s.top
	}
	if k.pending && x == g.cols-1 {
		row := g.rows[y]
		if k.origin {
			row = g.rows[y+s.top]
		}
		last := row.cell(x)
		if last.ch&tail != 0 {
			x--
			last = row.cell(x)
		}
		dst = appendCSI(dst, 'H', y+1, x+1)
		dst = last.appendSGR(dst)
		dst = g.marks.appendCell(dst, last)
	} else {
		dst = appendCSI(dst, 'H', y+1, x+1)
	}
	dst = k.pen.appendSGR(dst)
	for i, on := range k.sets.drawing {
		if on {
			dst = append(dst, '\x1b', "()"[i], '0')
		}
	}
	if k.sets.shift == 1 {
		dst = append(dst, 0x0e)
	}
	return dst
}

// cell returns the cell in a column.
func (r *row) cell(x int) cell {
	switch {
	case r.cells != nil:
		return r.cells[x]
	case x < len(r.text):
		return cell{ch: uint32(r.text[x])}
	}
	return cell{}
}

// replayTabs appends the tab stops where they are not the usual ones.
func (s *Screen) replayTabs(dst []byte) []byte {
	if slices.Equal(s.tabs, defaultTabs(nil, s.g.cols)) {
		return dst
	}
	dst = append(dst, "\x1b[3g"...)
	for x, on := range s.tabs {
		if on {
			dst = append(appendCSI(dst, 'G', x+1), "\x1bH"...)
		}
	}
	return dst
}

// appendTo appends what sets the modes, except origin mode, which moves the
// cursor.
func (m modes) appendTo(dst []byte) []byte {
	for _, k := range []struct {
		name string
		on   bool
	}{
		{"?7", m.autowrap}, {"4", m.insert}, {"20", m.newline}, {"?25", m.visible},
		{"?5", m.negative}, {"?1", m.arrows}, {"?2004", m.paste},
	} {
		dst = append(append(dst, "\x1b["...), k.name...)
		dst = append(dst, "lh"[index(k.on)])
	}
	return append(dst, '\x1b', ">="[index(m.keypad)])
}

func index(on bool) int {
	if on {
		return 1
	}
	return 0
}
