package httphead

import "math"

// Bounds of what chunked coding may carry besides data. A body that grows may
// have more extensions in all: each byte of data pays for one.
const (
	maxDigits    = 16
	maxExtension = 1024 // bytes in one line
	maxOverhead  = 4096 // bytes of extensions that no data paid for
	maxTrailers  = 8192 // bytes
)

// chunk is where a reader of the chunked coding stands (RFC 9112, section 7.1).
type chunk struct {
	state    chunkState
	digits   uint8
	nameLen  uint8 // of name, at most one more than it holds
	line     int32 // bytes of this extension, or of all trailers
	overhead int32
	name     [len("proxy-authorization")]byte // of a trailer: the longest that is known
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart
	trailerName
	trailerValue
	trailerLF
	chunkEndLF
	chunkEnd
)

// chunked follows the coding through p. All that is passed on is known to be
// well-formed, so that the next reader sees the same chunks.
func (b *Body) chunked(p []byte) (n int, why Reason) {
	for n < len(p) && b.chunk.state != chunkEnd {
		if b.chunk.state == chunkData {
			take := min(int64(len(p)-n), b.left)
			b.Skip(take)
			n += int(take)
			continue
		}
		if why := b.step(p[n]); why != 0 {
			return n, why
		}
		n++
	}
	return n, 0
}

// step takes one byte that is not data.
func (b *Body) step(c byte) Reason {
	k := &b.chunk
	switch k.state {
	case chunkSize:
		return b.sizeByte(c)
	case chunkExtension:
		return k.extensionByte(c)
	case chunkDataCR:
		k.state = chunkDataLF
		return want(c, '\r')
	}
	if k.state >= trailerStart && k.state < chunkEndLF {
		return k.trailerByte(c)
	}
	if c != '\n' {
		return BadChunk
	}
	switch k.state {
	case chunkSizeLF:
		b.startChunk()
	case chunkDataLF:
		k.state, k.digits = chunkSize, 0
	default:
		k.state = chunkEnd
	}
	return 0
}

func want(c, w byte) Reason {
	if c != w {
		return BadChunk
	}
	return 0
}

func (b *Body) sizeByte(c byte) Reason {
	k := &b.chunk
	switch {
	case classes[c]&hexDigit != 0:
		if k.digits == maxDigits || b.left > math.MaxInt64>>4 {
			return BadChunk
		}
		k.digits++
		b.left = b.left<<4 | int64(unhex(c))
	case k.digits == 0:
		return BadChunk
	case c == '\r':
		k.state = chunkSizeLF
	case c == ';':
		k.state, k.line = chunkExtension, 1
	default:
		return BadChunk
	}
	return 0
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}

// extensionByte accepts any text up to the end of the line. Its parts need not be
// told apart: no form of them may hold a line's end.
func (k *chunk) extensionByte(c byte) Reason {
	if c == '\r' {
		k.overhead += k.line
		k.state = chunkSizeLF
		return 0
	}
	k.line++
	if isControl(c) || k.line > maxExtension || k.overhead+k.line > maxOverhead {
		return BadChunk
	}
	return 0
}

func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// startChunk follows the line with the size.
func (b *Body) startChunk() {
	k := &b.chunk
	if b.left == 0 {
		k.state, k.line = trailerStart, 0
		return
	}
	k.state = chunkData
	k.overhead -= int32(min(int64(k.overhead), b.left))
}

func (k *chunk) trailerByte(c byte) Reason {
	if k.line++; k.line > maxTrailers {
		return BadTrailer
	}
	switch k.state {
	case trailerStart:
		if c == '\r' {
			k.state = chunkEndLF
			return 0
		}
		k.state, k.nameLen = trailerName, 0
		return k.nameByte(c)
	case trailerName:
		return k.nameByte(c)
	case trailerValue:
		if c == '\r' {
			k.state = trailerLF
			return 0
		}
		if isControl(c) {
			return BadTrailer
		}
	case trailerLF:
		k.state = trailerStart
		if c != '\n' {
			return BadTrailer
		}
	}
	return 0
}

// nameByte keeps as much of a trailer's name as it takes to know it. None that
// says how a message is framed, routed or where it comes from may come so late
// (RFC 9110, section 6.5.1): a server may take it for a header.
func (k *chunk) nameByte(c byte) Reason {
	switch {
	case classes[c]&tokenChar != 0:
		if int(k.nameLen) < len(k.name) {
			k.name[k.nameLen] = c
		}
		k.nameLen = min(k.nameLen+1, uint8(len(k.name)+1))
	case c != ':' || k.nameLen == 0:
		return BadTrailer
	case k.known():
		return BadTrailer
	default:
		k.state = trailerValue
	}
	return 0
}

// known reports whether the name is one of ours. Of a longer name than any, only
// the beginning could be.
func (k *chunk) known() bool {
	if int(k.nameLen) <= len(k.name) {
		return kindOf(k.name[:k.nameLen]) != other
	}
	return match(k.name[:], "x-forwarded", other+1) != other
}
