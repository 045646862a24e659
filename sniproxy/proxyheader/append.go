package proxyheader

import (
	"errors"
	"net/netip"
)

// Append appends the header in the form of h.Version; with Off, nothing.
func Append(dst []byte, h *Header) ([]byte, error) {
	switch h.Version {
	case V1:
		return AppendV1(dst, h.Source, h.Destination)
	case V2:
		return AppendV2(dst, h)
	}
	return dst, nil
}

// AppendV1 appends a line of version 1 and does not allocate when dst has room
// for it (at most [MaxV1] bytes).
func AppendV1(dst []byte, src, dstAddr netip.AddrPort) ([]byte, error) {
	return dst, errors.ErrUnsupported
}

// AppendV2 appends a header of version 2.
func AppendV2(dst []byte, h *Header) ([]byte, error) {
	return dst, errors.ErrUnsupported
}
