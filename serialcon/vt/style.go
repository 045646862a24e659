package vt

import "strconv"

// apply returns the style after SGR.
func (s style) apply(q *sequence) style {
	for i := 0; i < max(q.n, 1); {
		n := q.arg(i, 0)
		subs := 1 // with what follows after colons
		for i+subs < q.n && q.sub>>(i+subs)&1 != 0 {
			subs++
		}
		switch n {
		case 38, 48, 58:
			c, used, ok := q.colour(i, subs)
			if ok {
				s = s.tint(n, c)
			}
			i += used
			continue
		case 4:
			s = s.attribute(4, q.lines(i, subs))
		default:
			s = s.attribute(n, 0)
		}
		i += subs
	}
	return s
}

// lines returns the n of 4:n, which says how text is underlined.
func (q *sequence) lines(i, subs int) int {
	if subs == 1 {
		return 1
	}
	return q.arg(i+1, 0)
}

func (s style) attribute(n, lines int) style {
	switch {
	case n == 0:
		return style{}
	case n == 4 && lines == 0, n == 24:
		s.fg &^= underline
		s.bg &^= doubled
	case n == 4 && lines == 2, n == 21:
		s.fg &^= underline
		s.bg |= doubled
	case n == 4:
		s.fg |= underline
		s.bg &^= doubled
	case n == 22:
		s.fg &^= bold | dim
	case n >= 1 && n <= 29:
		s = s.flag(n)
	case n >= 30 && n <= 37:
		s = s.tint(38, palette|uint32(n-30))
	case n == 39 || n == 49:
		s = s.tint(n-1, 0)
	case n >= 40 && n <= 47:
		s = s.tint(48, palette|uint32(n-40))
	case n == 53:
		s.bg |= overline
	case n == 55:
		s.bg &^= overline
	case n >= 90 && n <= 97:
		s = s.tint(38, palette|uint32(n-90+8))
	case n >= 100 && n <= 107:
		s = s.tint(48, palette|uint32(n-100+8))
	}
	return s
}

// attributes is which of SGR 1 to 9 sets which bit; 20 more takes it back.
var attributes = [10]style{
	1: {fg: bold}, 2: {fg: dim}, 3: {fg: italic}, 5: {fg: blink}, 6: {fg: blink},
	7: {fg: reverse}, 8: {bg: hidden}, 9: {bg: struck},
}

func (s style) flag(n int) style {
	if n < 10 {
		a := attributes[n]
		return style{s.fg | a.fg, s.bg | a.bg}
	}
	if n < 20 {
		return s
	}
	a := attributes[n-20]
	return style{s.fg &^ a.fg, s.bg &^ a.bg}
}

// tint sets a colour: 38 the foreground, 48 the background. That of the
// underline, 58, is not kept.
func (s style) tint(which int, c uint32) style {
	switch which {
	case 38:
		s.fg = s.fg&^colourMask | c
	case 48:
		s.bg = s.bg&^colourMask | c
	}
	return s
}

// colour reads what follows 38 or 48 at i: 5;n or 2;r;g;b, or the same after
// colons, with which a colour space may stand before r. It returns how many
// parameters it took.
func (q *sequence) colour(i, subs int) (c uint32, used int, ok bool) {
	n := 1 // numbers of the colour
	at, end := i+2, q.n
	used = min(2, q.n-i)
	switch q.arg(i+1, 0) {
	case 5:
	case 2:
		n = 3
	default:
		return 0, max(used, subs), false
	}
	used = min(2+n, q.n-i)
	if subs > 1 {
		used, end = subs, i+subs
		if n == 3 && subs > 5 {
			at++
		}
	}
	if at+n > end {
		return 0, used, false
	}
	if n == 1 {
		return palette | channel(q.params[at]), used, true
	}
	return direct | channel(q.params[at])<<16 | channel(q.params[at+1])<<8 | channel(q.params[at+2]), used, true
}

func channel(n int32) uint32 { return uint32(min(max(n, 0), 255)) }

// appendSGR appends the sequence that sets this style from any other.
func (s style) appendSGR(dst []byte) []byte {
	dst = append(dst, "\x1b["...)
	if s == (style{}) {
		return append(dst, 'm')
	}
	dst = append(dst, '0')
	for n := 1; n < len(attributes); n++ {
		a := attributes[n]
		if n != 6 && a != (style{}) && (s.fg&a.fg != 0 || s.bg&a.bg != 0) {
			dst = append(dst, ';', byte('0'+n))
		}
	}
	if s.fg&underline != 0 {
		dst = append(dst, ";4"...)
	}
	if s.bg&doubled != 0 {
		dst = append(dst, ";21"...)
	}
	if s.bg&overline != 0 {
		dst = append(dst, ";53"...)
	}
	dst = appendColour(dst, s.fg&colourMask, 30)
	dst = appendColour(dst, s.bg&colourMask, 40)
	return append(dst, 'm')
}

// appendColour appends a colour's parameters; base is 30 for the foreground and
// 40 for the background.
func appendColour(dst []byte, c uint32, base int64) []byte {
	number := func(n int64) { dst = strconv.AppendInt(append(dst, ';'), n, 10) }
	n := int64(c &^ (palette | direct))
	switch {
	case c == 0:
	case c&direct != 0:
		number(base + 8)
		number(2)
		number(n >> 16)
		number(n >> 8 & 0xff)
		number(n & 0xff)
	case n < 8:
		number(base + n)
	case n < 16:
		number(base + 60 + n - 8)
	default:
		number(base + 8)
		number(5)
		number(n)
	}
	return dst
}

// appendStyled appends a row's characters with the SGR sequences that set their
// looks, from and back to the default. What is blank at the end is left out, but
// spaces in the default style only unless all is asked for.
func (g *grid) appendStyled(dst []byte, r *row, all bool) []byte {
	if r.cells == nil {
		return g.appendText(dst, r, all)
	}
	end := len(r.cells)
	for end > 0 && r.cells[end-1].style == (style{}) && (r.cells[end-1].ch == 0 || !all && r.cells[end-1].ch == ' ') {
		end--
	}
	var now style
	for _, c := range r.cells[:end] {
		if c.style != now && c.ch&tail == 0 {
			now = c.style
			dst = now.appendSGR(dst)
		}
		dst = g.marks.appendCell(dst, c)
	}
	if now != (style{}) {
		dst = style{}.appendSGR(dst)
	}
	return dst
}
