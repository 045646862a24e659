package proxyheader

import (
	"cmp"
	"encoding/binary"
	"net/netip"
)

// Sizes of headers, in bytes.
const (
	MaxV1      = 107             // a line of version 1 with its CRLF
	SafeV2     = 232             // the most of version 2 that nginx, Apache and HAProxy all take
	MaxV2      = 0xffff + 12 + 4 // the most that version 2 can say
	DefaultMax = 4096            // what Decode takes of version 2 unless told otherwise
)

// Families and transports of version 2.
const (
	inet4    = 0x10
	inet6    = 0x20
	unix     = 0x30
	stream   = 0x01
	datagram = 0x02
)

// DecodeOptions narrow what [Decode] takes. The zero value takes both versions.
type DecodeOptions struct {
	// Max bounds a header of version 2, in bytes. 0 is [DefaultMax].
	Max int
	// Only, unless Off, is the one version to take; the other is malformed.
	Only Version
}

// Decode reads the header that b begins with; b is all that was received so
// far. There are three outcomes:
//
//   - a header: err is nil and the header is b[:n]. What follows is the
//     client's, even if it looks like another header.
//   - too little: err is [ErrShort], and the header is known to have at least n
//     bytes. Call again with more.
//   - no header: err is [ErrNotProxy], [ErrMalformed] (an [*Error]) or
//     [ErrChecksum]. More bytes never change that.
//
// Authority, UniqueID and TLVs of the header are views into b. Decode does not
// allocate.
func Decode(b []byte, o DecodeOptions) (h Header, n int, err error) {
	switch {
	case len(b) == 0:
		return Header{}, minV1, ErrShort
	case begins(b, signature):
		if o.Only == V1 && len(b) >= len(signature) {
			return Header{}, 0, errUnwanted
		}
		return decodeV2(b, cmp.Or(o.Max, DefaultMax))
	case begins(b, wordV1):
		if o.Only == V2 && len(b) >= len(wordV1) {
			return Header{}, 0, errUnwanted1
		}
		return decodeV1(b)
	}
	return Header{}, 0, ErrNotProxy
}

// begins reports whether b and word agree as far as both go.
func begins(b []byte, word string) bool {
	n := min(len(b), len(word))
	return string(b[:n]) == word[:n]
}

// decodeV2 reads a header of which b begins with the signature, or part of it.
func decodeV2(b []byte, limit int) (h Header, n int, err error) {
	if len(b) > 12 {
		if b[12]>>4 != 2 {
			return h, 0, errV2Version
		}
		if b[12]&0xf > 1 {
			return h, 0, errV2Command
		}
	}
	if len(b) < fixedV2 {
		return h, fixedV2, ErrShort
	}
	n = fixedV2 + int(binary.BigEndian.Uint16(b[14:]))
	if n > limit {
		return h, 0, errV2Long
	}
	h.Version = V2
	if b[12]&0xf == 0 {
		h.Command = Local
		return whole(b, h, n, nil)
	}
	size, ok := addressSize(b[13])
	if !ok {
		return Header{}, 0, errV2Family
	}
	if n < fixedV2+size {
		return Header{}, 0, errV2Short
	}
	if len(b) < n || b[13] == 0 { // UNSPEC: what follows is skipped
		return whole(b, h, n, nil)
	}
	h.addresses(b[13], b[fixedV2:])
	return whole(b, h, n, h.extensions(b[:n], fixedV2+size))
}

// whole is decodeV2's answer: h once all n bytes are there.
func whole(b []byte, h Header, n int, err error) (Header, int, error) {
	if len(b) < n {
		return Header{}, n, ErrShort
	}
	if err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// addressSize is the size of the address block, in bytes, of a family and
// transport; ok is false for those that must be rejected.
func addressSize(kind byte) (size int, ok bool) {
	switch kind {
	case 0:
		return 0, true
	case inet4 | stream, inet4 | datagram:
		return 12, true
	case inet6 | stream, inet6 | datagram:
		return 36, true
	case unix | stream, unix | datagram:
		return 216, true
	}
	return 0, false
}

// addresses reads the address block. Paths of Unix sockets are skipped.
func (h *Header) addresses(kind byte, b []byte) {
	h.Datagram = kind&0xf == datagram
	switch kind & 0xf0 {
	case inet4:
		h.Source = addrPort(b[:4], b[8:])
		h.Destination = addrPort(b[4:8], b[10:])
	case inet6:
		h.Source = addrPort(b[:16], b[32:])
		h.Destination = addrPort(b[16:32], b[34:])
	}
}

func addrPort(addr, port []byte) netip.AddrPort {
	a, _ := netip.AddrFromSlice(addr) // of 4 or 16 bytes
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(port))
}

// extensions reads those of a whole header, which begin at the offset.
func (h *Header) extensions(header []byte, at int) error {
	h.TLVs = TLVs(header[at:len(header):len(header)])
	seen := [...]bool{TypeAuthority: false, TypeCRC32C: false, TypeUniqueID: false}
	crc := -1 // offset of the checksum's four bytes
	for rest := h.TLVs; len(rest) > 0; {
		kind, value, next, ok := rest.next()
		if !ok {
			return errTLVCut
		}
		limit := 0
		switch kind {
		case TypeAuthority:
			h.Authority, limit = value, MaxAuthority
		case TypeUniqueID:
			h.UniqueID, limit = value, MaxUniqueID
		case TypeCRC32C:
			crc, limit = len(header)-len(rest)+tlvHead, 4
		}
		if limit > 0 {
			if seen[kind] {
				return errTLVTwice
			}
			if len(value) > limit || kind == TypeCRC32C && len(value) != limit {
				return errTLVSize
			}
			seen[kind] = true
		}
		rest = next
	}
	if crc < 0 {
		return nil
	}
	if binary.BigEndian.Uint32(header[crc:]) != checksum(header, crc) {
		return ErrChecksum
	}
	h.CRC32C = true
	return nil
}
