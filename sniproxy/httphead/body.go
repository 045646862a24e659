package httphead

import (
	"errors"
	"io"
)

// Body follows the bytes of one message after its head and says which belong to
// it. The zero value is a body that is not there: [Body.Done] at once. A Body is
// a small value without pointers: copy it from the head that announced it.
type Body struct {
	form  form
	state chunkState
	left  int64 // bytes that are certain to follow
	size  int64 // announced by Content-Length
	spent int32 // bytes of chunk extensions, or of trailers
}

type form uint8

const (
	noBody form = iota
	lengthBody
	chunkedBody
	closeBody
)

type chunkState uint8

// Next returns how many bytes at the beginning of p belong to the message. Fewer
// than len(p) means that it has ended: the rest is the next message's. An error is
// an [*Error]: framing that cannot be relied on, after n good bytes. Close both
// connections then, because where the message ends is not known.
func (b *Body) Next(p []byte) (n int, err error) { return 0, errors.New("httphead: not there yet") }

// Done reports whether the message has ended, so that the next byte is not its.
// A body that is delimited by the end of the connection is never done.
func (b *Body) Done() bool { return b.form == noBody }

// Certain returns how many of the bytes that follow belong to the message
// whatever they are, so that they may be moved without being looked at (splice);
// then call [Body.Skip]. Zero means that Next must see what follows.
func (b *Body) Certain() int64 { return b.left }

// Skip says that n bytes, at most [Body.Certain], were moved.
func (b *Body) Skip(n int64) {}

// End says that the sender closed its side. It returns nil if the message was
// complete or is delimited by just that, and [io.ErrUnexpectedEOF] otherwise.
func (b *Body) End() error { return io.ErrUnexpectedEOF }

// Length returns the Content-Length, and false where the message has none.
func (b *Body) Length() (int64, bool) { return b.size, b.form == lengthBody }

// Chunked reports whether the transfer coding is chunked.
func (b *Body) Chunked() bool { return b.form == chunkedBody }

// UntilClose reports whether the end of the connection delimits the message.
func (b *Body) UntilClose() bool { return b.form == closeBody }
