package nfsd

import "encoding/binary"

// decoder takes XDR (RFC 4506) apart. After something did not fit, bad is set
// and all that follows is zero.
type decoder struct {
	b   []byte
	bad bool
}

// fixed is the next n bytes and their padding. It shares the decoder's memory.
func (d *decoder) fixed(n int) []byte {
	padded := (n + 3) &^ 3
	if d.bad || n < 0 || padded < n || padded > len(d.b) {
		d.bad = true
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[padded:]
	return v
}

func (d *decoder) uint32() uint32 {
	if b := d.fixed(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.fixed(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) bool() bool { return d.uint32() != 0 }

// opaque is the next counted bytes, of which there may be no more than limit.
func (d *decoder) opaque(limit int) []byte {
	n := d.uint32()
	if n > uint32(limit) {
		d.bad = true
	}
	if d.bad {
		return nil
	}
	return d.fixed(int(n))
}

func (d *decoder) string(limit int) string { return string(d.opaque(limit)) }

// encoder puts XDR together.
type encoder struct{ b []byte }

func (e *encoder) uint32(v uint32) { e.b = binary.BigEndian.AppendUint32(e.b, v) }

func (e *encoder) uint64(v uint64) { e.b = binary.BigEndian.AppendUint64(e.b, v) }

func (e *encoder) bool(v bool) {
	if v {
		e.uint32(1)
	} else {
		e.uint32(0)
	}
}

// zeros is n words of nothing: absent attributes, ends of lists.
func (e *encoder) zeros(n int) {
	for range n {
		e.uint32(0)
	}
}

func (e *encoder) opaque(v []byte) {
	e.uint32(uint32(len(v)))
	e.b = append(e.b, v...)
	e.pad(len(v))
}

func (e *encoder) string(v string) {
	e.uint32(uint32(len(v)))
	e.b = append(e.b, v...)
	e.pad(len(v))
}

// pad follows n bytes of data.
func (e *encoder) pad(n int) { e.b = append(e.b, "\x00\x00\x00"[:-n&3]...) }
