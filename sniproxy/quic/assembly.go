package quic

import (
	"bytes"
	"slices"
)

// maxRanges bounds the pieces of a hello that are not joined yet. Clients that cut
// it up on purpose make a few dozen.
const maxRanges = 128

// assembly joins the CRYPTO frames of a handshake, which come in any order and more
// than once (RFC 9000 section 19.6).
type assembly struct {
	data   []byte
	ranges []span // sorted, with gaps between them
}

// span is a range of bytes that have arrived.
type span struct{ from, to int }

// add takes bytes at an offset. It fails when they contradict earlier ones, reach
// beyond max, or come in too many pieces.
func (a *assembly) add(offset uint64, b []byte, max int) bool {
	if offset > uint64(max) || int(offset)+len(b) > max {
		return false
	}
	if len(b) == 0 {
		return true
	}
	piece := span{int(offset), int(offset) + len(b)}
	if !a.agrees(piece, b) {
		return false
	}
	if piece.to > len(a.data) {
		a.data = slices.Grow(a.data, piece.to-len(a.data))[:piece.to]
	}
	copy(a.data[piece.from:], b)
	a.merge(piece)
	return len(a.ranges) <= maxRanges
}

// agrees says whether the piece repeats what it overlaps.
func (a *assembly) agrees(piece span, b []byte) bool {
	for _, r := range a.ranges {
		from, to := max(r.from, piece.from), min(r.to, piece.to)
		if from < to && !bytes.Equal(a.data[from:to], b[from-piece.from:to-piece.from]) {
			return false
		}
	}
	return true
}

// merge adds the piece to the ranges.
func (a *assembly) merge(piece span) {
	first := 0 // the first range that touches or follows the piece
	for first < len(a.ranges) && a.ranges[first].to < piece.from {
		first++
	}
	last := first
	for last < len(a.ranges) && a.ranges[last].from <= piece.to {
		piece.from = min(piece.from, a.ranges[last].from)
		piece.to = max(piece.to, a.ranges[last].to)
		last++
	}
	a.ranges = slices.Replace(a.ranges, first, last, piece)
}

// prefix is what has arrived without a gap from the beginning.
func (a *assembly) prefix() []byte {
	if len(a.ranges) == 0 || a.ranges[0].from != 0 {
		return nil
	}
	return a.data[:a.ranges[0].to]
}
