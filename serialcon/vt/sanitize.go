package vt

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Sanitizer is a filter between a guest and a viewer who must not be touched by
// it. It passes text, line ends, and the sequences of a list that move, erase
// and colour. It drops all else, and with that everything a terminal answers to
// or that changes what keys send: the answer would be typed into the guest, by
// every viewer, and once more at each replay.
//
// Each sequence that passes is written anew, whole and bounded, so that a place
// between two results is never within one. Controls in 8 bits are dropped or
// become their 7-bit form. Characters that turn the direction of writing come
// out as text, <U+202E>. What is unfinished takes no memory and passes nothing.
//
// The zero value is ready. It is not safe for concurrent use.
type Sanitizer struct {
	in    parser
	out   []byte
	plain bool // no sequence passes, nor a control but tab and line feed
	mid   bool // there was text since the last line feed
	marks int  // combining marks in a row
}

// Append appends to dst what may be shown of src, the next bytes of the stream,
// and returns it: at most 40 bytes for each.
func (z *Sanitizer) Append(dst, src []byte) []byte {
	z.out = dst
	z.in.feed(src, (*filter)(z))
	dst, z.out = z.out, nil
	return dst
}

// LineStart reports whether nothing was written since the last line feed: a
// notice can then be put there without a line feed before it.
func (z *Sanitizer) LineStart() bool { return !z.mid }

// Sanitize appends to dst what may be shown of src, a whole stream, and returns
// it.
func Sanitize(dst, src []byte) []byte { return new(Sanitizer).Append(dst, src) }

// Strip appends to dst the text of src without any sequence or control except
// tab and line feed, for searching and for files, and returns it. The carriage
// return of a line end goes; bytes that are no UTF-8 become U+FFFD.
func Strip(dst, src []byte) []byte {
	z := Sanitizer{plain: true}
	return z.Append(dst, src)
}

// filter is what the parser drives.
type filter Sanitizer

var _ sink = (*filter)(nil)

func (f *filter) text(p []byte) {
	f.out = append(f.out, p...)
	f.mid, f.marks = true, 0
}

// maxStacked is how many combining marks pass on one character.
const maxStacked = 4

func (f *filter) char(r rune) {
	width := widthOf(shown(r))
	if width == 0 {
		f.marks++
	} else {
		f.marks = 0
	}
	switch {
	case width < 0 || f.marks > maxStacked:
		return
	case BiDi(r):
		f.out = fmt.Appendf(f.out, "<%U>", r)
	default:
		f.out = utf8.AppendRune(f.out, r)
	}
	f.mid = true
}

func (f *filter) control(c byte) {
	switch c {
	case '\n', '\t':
	case '\a', '\b', '\r', '\v', '\f', 0x0e, 0x0f:
		if f.plain {
			return
		}
	default:
		return
	}
	f.out = append(f.out, c)
	f.marks = 0
	f.mid = c == '\t' || f.mid && c != '\n'
}

// resetSafely is what passes for RIS, which would erase a viewer's scrollback.
const resetSafely = "\x1b[?47l\x1b[m\x0f\x1b(B\x1b)B\x1b[4l\x1b[20l\x1b[?6l\x1b[r\x1b[?7h\x1b[?25h\x1b[H\x1b[2J"

func (f *filter) escape(inter, final byte) {
	switch {
	case f.plain:
	case inter == 0 && final == 'c':
		f.out = append(f.out, resetSafely...)
		f.mid = false
	case inter == 0:
		switch final {
		case '7', '8', 'D', 'E', 'H', 'M':
			f.out = append(f.out, '\x1b', final)
		}
	case (inter == '(' || inter == ')') && (final == '0' || final == 'B'):
		f.out = append(f.out, '\x1b', inter, final)
	case inter == '#' && final == '8':
		f.out = append(f.out, "\x1b#8"...)
	}
}

func (f *filter) csi(q *sequence) {
	if f.plain {
		return
	}
	if q.private == 0 && q.inter == '!' && q.final == 'p' {
		f.out = append(f.out, "\x1b[!p"...)
	}
	if q.inter != 0 {
		return
	}
	switch q.private {
	case 0:
		if harmless(q) {
			f.pass(q)
		}
	case '?':
		if q.final == 'h' || q.final == 'l' {
			f.passModes(q, 6, 7, 25, 47, 1047, 1048, 1049)
		}
	}
}

// harmless reports whether a sequence without private parameters only moves,
// erases or colours.
func harmless(q *sequence) bool {
	switch q.final {
	case 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'K', 'L', 'M', 'P', 'S', 'X', 'Z',
		'@', '`', 'a', 'b', 'd', 'e', 'f', 'g', 'm', 'r', 'u':
		return true
	case 'J':
		return q.arg(0, 0) <= 2 // 3 erases a viewer's scrollback
	case 'T':
		return q.n <= 1 // with five it tracks the mouse
	case 's':
		return q.n == 0
	case 'h', 'l':
		return q.n == 1 && (q.params[0] == 4 || q.params[0] == 20)
	}
	return false
}

// maxCount bounds a count, as some terminals do all of it.
const maxCount = 9999

// pass writes a sequence.
func (f *filter) pass(q *sequence) {
	dst := append(f.out, "\x1b["...)
	for i := range q.n {
		if i > 0 {
			dst = append(dst, ";:"[q.sub>>i&1])
		}
		if q.given>>i&1 != 0 {
			dst = strconv.AppendInt(dst, int64(min(q.params[i], maxCount)), 10)
		}
	}
	f.out = append(dst, q.final)
}

// passModes writes those modes of a sequence that are in the list.
func (f *filter) passModes(q *sequence, allowed ...int) {
	for i := range q.n {
		for _, n := range allowed {
			if q.arg(i, 0) == n {
				f.out = append(strconv.AppendInt(append(f.out, "\x1b[?"...), int64(n), 10), q.final)
			}
		}
	}
}
