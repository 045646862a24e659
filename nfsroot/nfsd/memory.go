package nfsd

import "sync"

// pools lend buffers in three sizes: for ordinary calls, for folders, and for
// the data of READ and WRITE.
type pools struct{ small, middle, large sync.Pool }

const (
	smallBuffer  = 4 << 10
	middleBuffer = 72 << 10
	largeBuffer  = maxRecord
)

// get is a buffer of no length, with room for n bytes.
func (p *pools) get(n int) []byte {
	pool, size := p.of(n)
	if b, ok := pool.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, size)
}

func (p *pools) of(n int) (*sync.Pool, int) {
	switch {
	case n <= smallBuffer:
		return &p.small, smallBuffer
	case n <= middleBuffer:
		return &p.middle, middleBuffer
	}
	return &p.large, max(n, largeBuffer)
}

// put gives a buffer back. It may have grown since.
func (p *pools) put(b []byte) {
	b = b[:0]
	switch n := cap(b); {
	case n >= largeBuffer:
		p.large.Put(&b)
	case n >= middleBuffer:
		p.middle.Put(&b)
	case n >= smallBuffer:
		p.small.Put(&b)
	}
}
