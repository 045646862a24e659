package proxyheader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// What [Append] refuses to write.
var (
	// ErrAddress: a header needs a source and a destination.
	ErrAddress = errors.New("proxyheader: source and destination must be valid addresses")
	// ErrTooLong: an extension or the header exceeds its limit.
	ErrTooLong = errors.New("proxyheader: too long")
)

// signature begins each header of version 2.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// fixedV2 is the part of a version 2 header before the addresses.
const fixedV2 = len(signature) + 4

// Append appends the header in the form of h.Version; for Off it appends
// nothing. The whole of it must leave before the client's first byte, and in
// one write with it: receivers refuse a header that comes in pieces.
//
// Version 1 has no word for [Local]: the line then names Source and
// Destination, which should be the two ends of the health check's own
// connection.
func Append(dst []byte, h *Header) ([]byte, error) {
	switch h.Version {
	case Off:
		return dst, nil
	case V1:
		return AppendV1(dst, h.Source, h.Destination)
	case V2:
		return AppendV2(dst, h)
	}
	return dst, fmt.Errorf("proxyheader: append header: no version %d", uint8(h.Version))
}

// AppendV1 appends a line of version 1 for the client at src that connected to
// the proxy at to. It does not allocate when dst has room for [MaxV1] bytes.
//
// Two addresses of one family make a line of that family. If just one is IPv4,
// it is written as ::ffff:a.b.c.d in a TCP6 line: the protocol wants one family,
// and receivers drop UNKNOWN. On an error dst is returned as it was.
func AppendV1(dst []byte, src, to netip.AddrPort) ([]byte, error) {
	from, dest, is4, err := family(src, to)
	if err != nil {
		return dst, err
	}
	word := "PROXY TCP6 "
	if is4 {
		word = "PROXY TCP4 "
	}
	b := append(dst, word...)
	b = from.AppendTo(b)
	b = append(b, ' ')
	b = dest.AppendTo(b)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(src.Port()), 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, uint64(to.Port()), 10)
	return append(b, '\r', '\n'), nil
}

// family brings both addresses to one family, without zones.
func family(src, to netip.AddrPort) (from, dest netip.Addr, is4 bool, err error) {
	if !src.IsValid() || !to.IsValid() {
		return from, dest, false, ErrAddress
	}
	from, dest = src.Addr().Unmap().WithZone(""), to.Addr().Unmap().WithZone("")
	if from.Is4() && dest.Is4() {
		return from, dest, true, nil
	}
	return mapped(from), mapped(dest), false, nil
}

// mapped returns the address in its 16 byte form.
func mapped(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.AddrFrom16(a.As16())
	}
	return a
}

// AppendV2 appends a header of version 2. Families are treated as by
// [AppendV1]. A [Local] header carries neither addresses nor extensions: its
// receiver skips both. AppendV2 does not allocate when dst has room. On an
// error dst is returned as it was.
func AppendV2(dst []byte, h *Header) ([]byte, error) {
	if h.Command == Local {
		return append(append(dst, signature...), 0x20, 0, 0, 0), nil
	}
	if h.Command != Proxy {
		return dst, fmt.Errorf("proxyheader: append header: no command %d", uint8(h.Command))
	}
	b, err := appendFixed(dst, h)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	crc := len(b) + tlvHead
	if b, err = appendTLVs(b, start, h); err != nil {
		return dst, err
	}
	size := len(b) - start - fixedV2
	if size > 0xffff {
		return dst, fmt.Errorf("%w: header of %d bytes, at most %d", ErrTooLong, size+fixedV2, 0xffff+fixedV2)
	}
	binary.BigEndian.PutUint16(b[start+len(signature)+2:], uint16(size))
	if h.CRC32C {
		binary.BigEndian.PutUint32(b[crc:], checksum(b[start:], crc-start))
	}
	return b, nil
}

// appendFixed appends all before the extensions, with the length left zero.
func appendFixed(dst []byte, h *Header) ([]byte, error) {
	from, dest, is4, err := family(h.Source, h.Destination)
	if err != nil {
		return dst, err
	}
	kind := byte(inet6 | stream)
	if is4 {
		kind = inet4 | stream
	}
	if h.Datagram {
		kind ^= stream ^ datagram
	}
	b := append(dst, signature...)
	b = append(b, 0x21, kind, 0, 0)
	if is4 {
		s, d := from.As4(), dest.As4()
		b = append(append(b, s[:]...), d[:]...)
	} else {
		s, d := from.As16(), dest.As16()
		b = append(append(b, s[:]...), d[:]...)
	}
	b = binary.BigEndian.AppendUint16(b, h.Source.Port())
	return binary.BigEndian.AppendUint16(b, h.Destination.Port()), nil
}
