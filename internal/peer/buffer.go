package peer

import "sync"

const bufferLimit = 4 << 20

// buffer keeps the tail of a program's output and wakes those who wait for more.
type buffer struct {
	mu     sync.Mutex // guards all below
	data   []byte
	more   chan struct{} // closed and replaced at each write
	closed bool
}

func newBuffer() *buffer { return &buffer{more: make(chan struct{})} }

// Write implements [io.Writer] and never fails.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.data)+len(p) > bufferLimit {
		b.data = append([]byte(nil), b.data[len(b.data)/2:]...)
	}
	b.data = append(b.data, p...)
	b.wake()
	return len(p), nil
}

func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.wake()
}

func (b *buffer) wake() {
	close(b.more)
	b.more = make(chan struct{})
}

// snapshot returns the text, a channel that closes when there is more, and
// whether there can be more.
func (b *buffer) snapshot() (text string, more <-chan struct{}, open bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.data), b.more, !b.closed
}

func (b *buffer) String() string {
	text, _, _ := b.snapshot()
	return text
}
