package quic

// SealInitial makes the Initial packet of a client, of at least so many bytes, which
// PADDING frames fill up.
func SealInitial(number uint32, dcid, scid []byte, packet byte, frames []byte, size int) []byte {
	return SealReserved(0, number, dcid, scid, packet, frames, size)
}

// SealReserved is SealInitial with those reserved bits set.
func SealReserved(bits byte, number uint32, dcid, scid []byte, packet byte, frames []byte, size int) []byte {
	v := lookUp(number)
	keys, err := newProtection(v, dcid, fromClient)
	if err != nil {
		panic(err)
	}
	header := []byte{longForm | fixedBit | v.initialFirst<<4 | bits, byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)}
	header = append(append(header, byte(len(dcid))), dcid...)
	header = append(append(header, byte(len(scid))), scid...)
	header = append(header, 0) // no token
	for len(header)+3+len(frames)+tagSize < size {
		frames = append(frames, framePadding)
	}
	length := 1 + len(frames) + tagSize
	header = append(header, 0x40|byte(length>>8), byte(length), packet)
	return keys.seal(header, frames)
}

// OpenRefusal returns the frames of a server's Initial packet, for the connection
// ID that the client chose.
func OpenRefusal(packet, dcid []byte) ([]byte, bool) {
	p, ok := parseLong(packet)
	if !ok {
		return nil, false
	}
	keys, err := newProtection(p.version, dcid, fromServer)
	if err != nil {
		panic(err)
	}
	_, frames, ok := keys.open(packet[:p.end], p.number, -1)
	return frames, ok
}

// DecodeNumber is decodeNumber.
var DecodeNumber = decodeNumber
