package quic

import "encoding/binary"

const (
	longForm  = 0x80
	fixedBit  = 0x40
	maxConnID = 20 // in the versions known
	// minInitial is the least size of a datagram with a client's Initial packet
	// (RFC 9000 section 14.1), and minClientID that of the connection ID which a
	// client makes up (section 7.2).
	minInitial  = 1200
	minClientID = 8
)

// invariant is what long headers of all versions have (RFC 8999 section 5.1).
type invariant struct {
	version    uint32
	dcid, scid []byte
	rest       []byte // what is particular to the version
}

func parseInvariant(b []byte) (h invariant, ok bool) {
	if len(b) < 7 || b[0]&longForm == 0 {
		return h, false
	}
	h.version = binary.BigEndian.Uint32(b[1:])
	if h.dcid, b, ok = connID(b[5:]); !ok {
		return h, false
	}
	h.scid, h.rest, ok = connID(b)
	return h, ok
}

func connID(b []byte) (id, rest []byte, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	end := 1 + int(b[0])
	return b[1:end:end], b[end:], true
}

// longPacket is a packet of version 1 or 2 with a long header (RFC 9000 section
// 17.2), within a datagram.
type longPacket struct {
	invariant
	*version
	kind   kind
	number int // where the packet number is; 0 for Retry
	end    int // where the next packet of the datagram begins
}

func parseLong(b []byte) (p longPacket, ok bool) {
	if p.invariant, ok = parseInvariant(b); !ok {
		return p, false
	}
	p.version = lookUp(p.invariant.version)
	if p.version == nil || len(p.dcid) > maxConnID || len(p.scid) > maxConnID {
		return p, false
	}
	p.kind = p.version.kind(b[0])
	rest := p.rest
	switch p.kind {
	case retry:
		p.end = len(b)
		return p, true
	case initial:
		var token uint64
		if token, rest, ok = varint(rest); !ok || token > uint64(len(rest)) {
			return p, false
		}
		rest = rest[token:]
	}
	length, rest, ok := varint(rest)
	if !ok || length > uint64(len(rest)) {
		return p, false
	}
	p.number = len(b) - len(rest)
	p.end = p.number + int(length)
	return p, true
}

// varint takes a variable-length integer (RFC 9000 section 16).
func varint(b []byte) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	n := 1 << (b[0] >> 6)
	if len(b) < n {
		return 0, nil, false
	}
	v = uint64(b[0] & 0x3f)
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, b[n:], true
}
