package nfsclient

import (
	"encoding/binary"
	"io"
)

// Encoder puts XDR together.
type Encoder struct{ B []byte }

// Uint32 appends a number.
func (e *Encoder) Uint32(v uint32) { e.B = binary.BigEndian.AppendUint32(e.B, v) }

// Uint64 appends a number.
func (e *Encoder) Uint64(v uint64) { e.B = binary.BigEndian.AppendUint64(e.B, v) }

// Opaque appends counted bytes.
func (e *Encoder) Opaque(v []byte) {
	e.Uint32(uint32(len(v)))
	e.B = append(e.B, v...)
	e.B = append(e.B, "\x00\x00\x00"[:-len(v)&3]...)
}

// String appends counted bytes.
func (e *Encoder) String(v string) { e.Opaque([]byte(v)) }

func (e *Encoder) zeros(n int) {
	for range n {
		e.Uint32(0)
	}
}

// Decoder takes XDR apart. What does not fit is zero, and so is all after it.
type Decoder struct {
	B   []byte
	bad bool
}

func (d *Decoder) fixed(n int) []byte {
	padded := (n + 3) &^ 3
	if d.bad || padded > len(d.B) {
		d.bad = true
		return nil
	}
	b := d.B[:n]
	d.B = d.B[padded:]
	return b
}

// Uint32 takes a number.
func (d *Decoder) Uint32() uint32 {
	if b := d.fixed(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Uint64 takes a number.
func (d *Decoder) Uint64() uint64 {
	if b := d.fixed(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Opaque takes counted bytes, which stay the decoder's.
func (d *Decoder) Opaque() []byte { return d.fixed(int(d.Uint32())) }

// Err is that something did not fit.
func (d *Decoder) Err() error {
	if d.bad {
		return io.ErrUnexpectedEOF
	}
	return nil
}
