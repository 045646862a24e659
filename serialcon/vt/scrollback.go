package vt

import "encoding/binary"

// scrollback keeps the newest lines that left the screen, as bytes in a ring:
// text in UTF-8 with SGR sequences, each line after a header with its length.
// It takes memory as it fills, and none per line.
type scrollback struct {
	lines int // the most to keep
	max   int // the most bytes to keep
	buf   []byte
	start int // of the oldest line
	used  int // bytes
	n     int // lines
}

const (
	header      = 4
	headerWraps = 1 << 31 // the line goes on in the next
	spareBytes  = 32      // for a line, beside its columns: header and colours
)

func newScrollback(lines, cols int) scrollback {
	h := scrollback{lines: lines}
	h.limit(cols)
	return h
}

// limit bounds the bytes for lines of so many columns. Heavier ones, such as
// those in many colours, only make fewer of them stay.
func (h *scrollback) limit(cols int) {
	h.max = h.lines * (cols + spareBytes)
	for h.used > h.max {
		h.drop()
	}
	if len(h.buf) > h.max {
		h.resize(h.max)
	}
}

// add keeps a line.
func (h *scrollback) add(text []byte, wraps bool) {
	need := header + len(text)
	if h.lines == 0 || need > h.max {
		return
	}
	for h.n >= h.lines || h.used+need > h.max {
		h.drop()
	}
	if h.used+need > len(h.buf) {
		h.resize(min(max(2*len(h.buf), h.used+need, 1024), h.max))
	}
	var head [header]byte
	word := uint32(len(text))
	if wraps {
		word |= headerWraps
	}
	binary.LittleEndian.PutUint32(head[:], word)
	h.push(head[:])
	h.push(text)
	h.n++
}

func (h *scrollback) push(p []byte) {
	at := h.wrapped(h.start + h.used)
	n := copy(h.buf[at:], p)
	copy(h.buf, p[n:])
	h.used += len(p)
}

// drop forgets the oldest line.
func (h *scrollback) drop() {
	length, _ := h.head(h.start)
	h.start = h.wrapped(h.start + header + length)
	h.used -= header + length
	h.n--
}

func (h *scrollback) wrapped(at int) int {
	if at >= len(h.buf) {
		at -= len(h.buf)
	}
	return at
}

func (h *scrollback) head(at int) (length int, wraps bool) {
	var head [header]byte
	n := copy(head[:], h.buf[at:])
	copy(head[n:], h.buf)
	word := binary.LittleEndian.Uint32(head[:])
	return int(word &^ headerWraps), word&headerWraps != 0
}

// resize moves what is kept to a buffer of another size.
func (h *scrollback) resize(size int) {
	buf := make([]byte, size)
	n := copy(buf[:h.used], h.buf[h.start:])
	copy(buf[n:h.used], h.buf)
	h.buf, h.start = buf, 0
}

// last calls fn for the newest n lines, the oldest of them first. The text is
// valid during the call.
func (h *scrollback) last(n int, fn func(text []byte, wraps bool)) {
	at := h.start
	var whole []byte
	for i := range h.n {
		length, wraps := h.head(at)
		at = h.wrapped(at + header)
		if h.n-i <= n {
			text := h.buf[at:min(at+length, len(h.buf))]
			if len(text) < length {
				whole = append(append(whole[:0], text...), h.buf[:length-len(text)]...)
				text = whole
			}
			fn(text, wraps)
		}
		at = h.wrapped(at + length)
	}
}
