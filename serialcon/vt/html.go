package vt

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// HTML returns the screen as an element to put in a page:
//
//	<pre class="vt">login: <span class="vt-b vt-f1">root</span>
//	</pre>
//
// All text is escaped. The sixteen colours and the attributes are classes, which
// [CSS] defines; other colours are style attributes.
func (s *Screen) HTML() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := newHTML()
	h.rows(s.g)
	return h.end()
}

// HTMLAll returns the scrollback and the screen, as [Screen.HTML] does.
func (s *Screen) HTMLAll() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := newHTML()
	s.history.last(math.MaxInt, func(text []byte, wraps bool) { h.line(text, wraps) })
	if s.alt != nil {
		h.rows(s.main)
	}
	h.rows(s.g)
	return h.end()
}

// CSS is a style sheet for [Screen.HTML].
const CSS = `.vt { background: #000; color: #ccc; font-family: monospace; line-height: 1.2; }
.vt-b { font-weight: bold; } .vt-d { opacity: 0.6; } .vt-i { font-style: italic; }
.vt-u { text-decoration: underline; } .vt-s { text-decoration: line-through; } .vt-h { visibility: hidden; }
.vt-fd { color: #000; } .vt-kd { background: #ccc; }
.vt-f0 { color: #000; } .vt-k0 { background: #000; } .vt-f8 { color: #666; } .vt-k8 { background: #666; }
.vt-f1 { color: #c00; } .vt-k1 { background: #c00; } .vt-f9 { color: #f55; } .vt-k9 { background: #f55; }
.vt-f2 { color: #0a0; } .vt-k2 { background: #0a0; } .vt-f10 { color: #5f5; } .vt-k10 { background: #5f5; }
.vt-f3 { color: #a60; } .vt-k3 { background: #a60; } .vt-f11 { color: #ff5; } .vt-k11 { background: #ff5; }
.vt-f4 { color: #36c; } .vt-k4 { background: #36c; } .vt-f12 { color: #69f; } .vt-k12 { background: #69f; }
.vt-f5 { color: #a3a; } .vt-k5 { background: #a3a; } .vt-f13 { color: #f6f; } .vt-k13 { background: #f6f; }
.vt-f6 { color: #0aa; } .vt-k6 { background: #0aa; } .vt-f14 { color: #5ff; } .vt-k14 { background: #5ff; }
.vt-f7 { color: #ccc; } .vt-k7 { background: #ccc; } .vt-f15 { color: #fff; } .vt-k15 { background: #fff; }
`

// htmlWriter turns text with SGR sequences into an element.
type htmlWriter struct {
	out    strings.Builder
	in     parser
	pen    style
	open   bool // a span is
	styled style
	buf    []byte
}

func newHTML() *htmlWriter {
	h := new(htmlWriter)
	h.out.WriteString(`<pre class="vt">`)
	return h
}

func (h *htmlWriter) end() string {
	h.out.WriteString("</pre>")
	return h.out.String()
}

func (h *htmlWriter) rows(g *grid) {
	for _, r := range g.rows {
		h.buf = g.appendStyled(h.buf[:0], r, false)
		h.line(h.buf, false)
	}
}

func (h *htmlWriter) line(text []byte, wraps bool) {
	h.pen = style{}
	h.in.feed(text, h)
	h.span(style{})
	if !wraps {
		h.out.WriteByte('\n')
	}
}

// span ends a span and begins one where the style changes.
func (h *htmlWriter) span(st style) {
	if st == h.styled {
		return
	}
	if h.open {
		h.out.WriteString("</span>")
	}
	h.styled, h.open = st, st != (style{})
	if h.open {
		h.out.WriteString(st.tag())
	}
}

var _ sink = (*htmlWriter)(nil)

func (h *htmlWriter) text(p []byte) {
	h.span(h.pen)
	h.out.WriteString(html.EscapeString(string(p)))
}

func (h *htmlWriter) char(r rune) {
	h.span(h.pen)
	h.out.WriteRune(r)
}

func (h *htmlWriter) csi(q *sequence) {
	if q.final == 'm' {
		h.pen = h.pen.apply(q)
	}
}

func (h *htmlWriter) control(byte) {}

func (h *htmlWriter) escape(_, _ byte) {}

// tag returns the start of a span.
func (s style) tag() string {
	var classes, styles []string
	for _, k := range []struct {
		on   uint32
		name string
	}{
		{s.fg & bold, "b"}, {s.fg & dim, "d"}, {s.fg & italic, "i"}, {s.fg&underline | s.bg&doubled, "u"},
		{s.bg & struck, "s"}, {s.bg & hidden, "h"},
	} {
		if k.on != 0 {
			classes = append(classes, "vt-"+k.name)
		}
	}
	colour := func(c uint32, class, property string) {
		switch {
		case c == 0 && s.fg&reverse != 0:
			classes = append(classes, class+"d")
		case c == 0:
		case c&palette != 0 && c&0xff < 16:
			classes = append(classes, fmt.Sprintf("%s%d", class, c&0xff))
		default:
			styles = append(styles, fmt.Sprintf("%s:#%06x", property, rgb(c)))
		}
	}
	fg, bg := s.fg&colourMask, s.bg&colourMask
	if s.fg&reverse != 0 {
		fg, bg = bg, fg
	}
	colour(fg, "vt-f", "color")
	colour(bg, "vt-k", "background")
	tag := "<span"
	if len(classes) > 0 {
		tag += ` class="` + strings.Join(classes, " ") + `"`
	}
	if len(styles) > 0 {
		tag += ` style="` + strings.Join(styles, ";") + `"`
	}
	return tag + ">"
}

// rgb returns a direct colour, or one of the palette's above the sixteenth: a
// cube of six steps a side, then greys.
func rgb(c uint32) uint32 {
	n := c & 0xffffff
	if c&direct != 0 {
		return n
	}
	if n >= 232 {
		return (8 + (n-232)*10) * 0x010101
	}
	step := func(k uint32) uint32 {
		if k == 0 {
			return 0
		}
		return 55 + 40*k
	}
	n -= 16
	return step(n/36)<<16 | step(n/6%6)<<8 | step(n%6)
}
