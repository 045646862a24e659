package quic

// Frame types that an Initial packet may hold (RFC 9000 section 12.4).
const (
	framePadding = 0x00
	framePing    = 0x01
	frameACK     = 0x02
	frameACKECN  = 0x03
	frameCrypto  = 0x06
	frameClose   = 0x1c
)

// eachCrypto calls add with the CRYPTO frames among the frames of an Initial packet.
// It returns false when one is malformed or of a type that is not allowed, or when
// add does.
func eachCrypto(b []byte, add func(offset uint64, data []byte) bool) bool {
	if len(b) == 0 {
		return false // RFC 9000 section 12.4: at least one
	}
	for len(b) > 0 {
		kind := b[0] // types are encoded in the fewest bytes
		b = b[1:]
		ok := true
		switch kind {
		case framePadding, framePing:
		case frameACK, frameACKECN:
			b, ok = skipACK(b, kind == frameACKECN)
		case frameClose:
			b, ok = skipClose(b)
		case frameCrypto:
			var offset uint64
			var data []byte
			offset, b, ok = varint(b)
			if ok {
				data, b, ok = lengthPrefixed(b)
			}
			ok = ok && add(offset, data)
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return true
}

func lengthPrefixed(b []byte) (data, rest []byte, ok bool) {
	n, b, ok := varint(b)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// skipVarints skips n of them.
func skipVarints(b []byte, n uint64) (rest []byte, ok bool) {
	for range n {
		if _, b, ok = varint(b); !ok {
			return nil, false
		}
	}
	return b, true
}

// skipACK skips the rest of an ACK frame (RFC 9000 section 19.3).
func skipACK(b []byte, ecn bool) (rest []byte, ok bool) {
	if b, ok = skipVarints(b, 2); !ok { // largest acknowledged, delay
		return nil, false
	}
	ranges, b, ok := varint(b)
	if !ok || ranges > uint64(len(b)) {
		return nil, false
	}
	fields := 1 + 2*ranges
	if ecn {
		fields += 3
	}
	return skipVarints(b, fields)
}

// skipClose skips the rest of a CONNECTION_CLOSE frame (RFC 9000 section 19.19).
func skipClose(b []byte) (rest []byte, ok bool) {
	if b, ok = skipVarints(b, 2); !ok { // error code, frame type
		return nil, false
	}
	_, rest, ok = lengthPrefixed(b)
	return rest, ok
}
