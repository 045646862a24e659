package tftp

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// reader keeps the part of a file that is on its way to the client in a ring
// of chunks, so that blocks are sent, and sent again, without asking the file
// for each. The next window is read while the client is awaited.
type reader struct {
	f    File
	size int64
	ring []chunk
	pool *sync.Pool
	span int64 // bytes in a chunk
}

type chunk struct {
	index int64 // which chunk of the file, -1 none
	buf   *[]byte
}

// chunkPools hold buffers of the sizes that chunks have.
type chunkPools struct{ small, mid, large sync.Pool }

const (
	smallChunk = 4 << 10
	midChunk   = 32 << 10
	largeChunk = 64 << 10
)

func (p *chunkPools) pick(size, window int64) (*sync.Pool, int64) {
	switch {
	case size <= smallChunk:
		return &p.small, smallChunk
	case window <= midChunk:
		return &p.mid, midChunk
	}
	return &p.large, largeChunk
}

// newReader returns a reader of f for windows of that many bytes.
func (p *chunkPools) newReader(f File, window int) *reader {
	r := &reader{f: f, size: f.Size()}
	r.pool, r.span = p.pick(r.size, int64(window))
	n := (2*int64(window)+r.span-1)/r.span + 1 // a window and the next lie across so many
	n = min(n, r.size/r.span+1)
	r.ring = make([]chunk, n)
	for i := range r.ring {
		r.ring[i].index = -1
	}
	return r
}

// appendBlock appends the slices that make up n bytes at off to dst.
func (r *reader) appendBlock(dst [][]byte, off int64, n int) ([][]byte, error) {
	for n > 0 {
		p, err := r.load(off / r.span)
		if err != nil {
			return dst, err
		}
		p = p[off%r.span:]
		p = p[:min(n, len(p))]
		dst = append(dst, p)
		off += int64(len(p))
		n -= len(p)
	}
	return dst, nil
}

// ahead reads the chunk with the byte at off, where the file has one. What is in
// flight stays in the ring while off is at most a window beyond it.
func (r *reader) ahead(off int64) {
	if off < r.size {
		_, _ = r.load(off / r.span) // an error comes again when the chunk is sent
	}
}

// load returns the file's chunk with that index.
func (r *reader) load(index int64) ([]byte, error) {
	c := &r.ring[index%int64(len(r.ring))]
	n := min(r.span, r.size-index*r.span)
	if c.index == index {
		return (*c.buf)[:n], nil
	}
	if c.buf == nil {
		c.buf = r.buffer()
	}
	c.index = -1
	got, err := r.f.ReadAt((*c.buf)[:n], index*r.span)
	if int64(got) < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("tftp: read %d bytes at %d: %w", n, index*r.span, err)
	}
	c.index = index
	return (*c.buf)[:n], nil
}

func (r *reader) buffer() *[]byte {
	if b, ok := r.pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, r.span)
	return &b
}

// close gives the buffers back. The file stays open.
func (r *reader) close() {
	for i := range r.ring {
		if r.ring[i].buf != nil {
			r.pool.Put(r.ring[i].buf)
			r.ring[i].buf = nil
		}
		r.ring[i].index = -1
	}
}
