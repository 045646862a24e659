package serialcon

import "slices"

// A ring holds the last bytes of a stream and knows their offsets in it. It
// takes memory as bytes come, up to its limit.
type ring struct {
	buf   []byte // the byte at offset o is buf[o % len(buf)]
	limit int
	start int64 // offset of the oldest byte held
	end   int64 // offset behind the newest
}

// minRing is the first allocation.
const minRing = 1 << 10

// write appends p, and forgets what no longer fits.
func (r *ring) write(p []byte) {
	if r.limit <= 0 {
		r.end += int64(len(p))
		r.start = r.end
		return
	}
	r.grow(len(p))
	if over := len(p) - len(r.buf); over > 0 {
		r.end += int64(over)
		p = p[over:]
	}
	for len(p) > 0 {
		n := copy(r.buf[r.end%int64(len(r.buf)):], p)
		r.end += int64(n)
		p = p[n:]
	}
	r.start = max(r.start, r.end-int64(len(r.buf)))
}

// grow makes room for n more bytes, as far as the limit allows.
func (r *ring) grow(n int) {
	need := int(r.end-r.start) + n
	if need <= len(r.buf) || len(r.buf) >= r.limit {
		return
	}
	size := max(minRing, len(r.buf))
	for size < need {
		size *= 2
	}
	r.resize(min(size, r.limit))
}

// setLimit changes the limit; what does not fit is forgotten.
func (r *ring) setLimit(n int) {
	r.limit = n
	if n <= 0 {
		r.buf, r.start = nil, r.end
		return
	}
	if len(r.buf) > n {
		r.resize(n)
	}
}

func (r *ring) resize(size int) {
	r.hold(size, r.read(nil, max(r.start, r.end-int64(size)), r.end))
}

// prepend puts bytes before those that are held, as far as there is room.
func (r *ring) prepend(p []byte) {
	held := r.read(nil, r.start, r.end)
	p = p[max(0, len(p)+len(held)-r.limit):]
	size := max(minRing, len(r.buf))
	for size < len(p)+len(held) {
		size *= 2
	}
	r.hold(min(size, r.limit), slices.Concat(p, held))
}

// hold makes keep, which ends where the stream does, all that is held.
func (r *ring) hold(size int, keep []byte) {
	r.buf = make([]byte, size)
	r.start = r.end - int64(len(keep))
	for o := r.start; len(keep) > 0; {
		n := copy(r.buf[o%int64(size):], keep)
		keep = keep[n:]
		o += int64(n)
	}
}

// read appends the bytes of [from, to) to dst; both are held.
func (r *ring) read(dst []byte, from, to int64) []byte {
	for from < to {
		at := from % int64(len(r.buf))
		n := min(int64(len(r.buf))-at, to-from)
		dst = append(dst, r.buf[at:at+n]...)
		from += n
	}
	return dst
}
