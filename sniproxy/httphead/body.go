package httphead

import (
	"io"
	"math"
)

// Body follows the bytes of one message after its head and says which belong to
// it. The zero value is a body that is not there: [Body.Done] at once. A Body is
// a small value without pointers: copy it from the head that announced it.
type Body struct {
	form  form
	of    messageOf
	left  int64 // bytes of the body, or of the chunk, that are to come
	size  int64 // announced by Content-Length
	chunk chunk
}

type form uint8

const (
	noBody form = iota
	lengthBody
	chunkedBody
	closeBody
)

// messageOf says whose message it is.
type messageOf uint8

const (
	client messageOf = iota
	backend
)

// Next returns how many bytes at the beginning of p belong to the message. Fewer
// than len(p) means that it has ended: the rest is the next message's. An error is
// an [*Error]: framing that cannot be relied on, after n good bytes. Close both
// connections then, because where the message ends is not known.
func (b *Body) Next(p []byte) (n int, err error) {
	switch b.form {
	case noBody:
		return 0, nil
	case closeBody:
		return len(p), nil
	case lengthBody:
		n = int(min(int64(len(p)), b.left))
		b.left -= int64(n)
		return n, nil
	}
	n, why := b.chunked(p)
	if b.of == backend {
		return n, responseError(why)
	}
	return n, requestError(why)
}

// Done reports whether the message has ended, so that the next byte is not its.
// A body that is delimited by the end of the connection is never done.
func (b *Body) Done() bool {
	switch b.form {
	case lengthBody:
		return b.left == 0
	case chunkedBody:
		return b.chunk.state == chunkEnd
	}
	return b.form == noBody
}

// Certain returns how many of the bytes that follow belong to the message
// whatever they are, so that they may be moved without being looked at (splice);
// then call [Body.Skip]. Zero means that Next must see what follows.
func (b *Body) Certain() int64 {
	switch {
	case b.form == closeBody:
		return math.MaxInt64
	case b.form == chunkedBody && b.chunk.state != chunkData:
		return 0
	}
	return b.left
}

// Skip says that n bytes, at most [Body.Certain], were moved.
func (b *Body) Skip(n int64) {
	if b.form == closeBody {
		return
	}
	b.left -= min(n, b.Certain())
	if b.form == chunkedBody && b.left == 0 && b.chunk.state == chunkData {
		b.chunk.state = chunkDataCR
	}
}

// End says that the sender closed its side. It returns nil if the
// message was complete, or is delimited by just that, and [io.ErrUnexpectedEOF]
// if it was cut short: the receiver must see that, so reset its connection.
func (b *Body) End() error {
	if b.form == closeBody || b.Done() {
		return nil
	}
	return io.ErrUnexpectedEOF
}

// Length returns the length that Content-Length gave the message, and false for
// one that is chunked, delimited by the connection's end, or without a body.
func (b *Body) Length() (int64, bool) { return b.size, b.form == lengthBody }

// Chunked reports whether the transfer coding is chunked.
func (b *Body) Chunked() bool { return b.form == chunkedBody }

// UntilClose reports whether the end of the connection delimits the message.
func (b *Body) UntilClose() bool { return b.form == closeBody }
