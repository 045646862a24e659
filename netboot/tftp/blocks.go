package tftp

// blocks is where a transfer stands: which blocks the client has, and which
// are on their way. It is arithmetic only. Blocks count from 1, as in RFC 1350,
// without wrapping: on the wire they have 16 bits.
type blocks struct {
	total    int64 // the last block, which is shorter than the others or empty
	acked    int64 // the client has this block and all before it
	sent     int64 // the last block that was sent
	window   int64
	restart1 bool
}

func newBlocks(size int64, p params) blocks {
	return blocks{
		total:    size/int64(p.block) + 1,
		window:   int64(p.window),
		restart1: p.restart1,
	}
}

// next returns the blocks of the window that starts after what is acknowledged
// and notes them as sent.
func (b *blocks) next() (first, last int64) {
	first, last = b.acked+1, min(b.acked+b.window, b.total)
	b.sent = max(b.sent, last)
	return first, last
}

func (b *blocks) done() bool { return b.acked == b.total }

// allSent reports whether the last block is among those on their way.
func (b *blocks) allSent() bool { return b.sent == b.total }

// wire returns block n as DATA and ACK packets write it.
func (b *blocks) wire(n int64) uint16 {
	if b.restart1 && n > 0 {
		return uint16((n-1)%0xffff + 1)
	}
	return uint16(n)
}

// ackKind is what an ACK means.
type ackKind uint8

const (
	ackStale    ackKind = iota // of no block in flight: old, or never sent
	ackRepeated                // of the block that is acknowledged already
	ackProgress                // of a block in flight
)

// ack takes in an ACK of wire block n and says what it was.
func (b *blocks) ack(n uint16) ackKind {
	ahead := b.ahead(n)
	switch {
	case ahead == 0:
		return ackRepeated
	case ahead < 0 || b.acked+ahead > b.sent:
		return ackStale
	}
	b.acked += ahead
	return ackProgress
}

// ahead returns how many blocks n is after the acknowledged one, negative when
// that cannot be.
func (b *blocks) ahead(n uint16) int64 {
	if !b.restart1 {
		return int64(n - b.wire(b.acked))
	}
	switch {
	case n == 0 && b.acked == 0:
		return 0
	case n == 0:
		return -1
	case b.acked == 0:
		return int64(n)
	}
	return (int64(n) - int64(b.wire(b.acked)) + 0xffff) % 0xffff
}
