package quic

// The versions whose Initial packets are read.
const (
	Version1 uint32 = 1          // RFC 9000
	Version2 uint32 = 0x6b3343cf // RFC 9369
)

// kind is the type of a long header packet.
type kind uint8

const (
	initial kind = iota
	zeroRTT
	handshake
	retry
)

// version is what differs between versions.
type version struct {
	salt         []byte // RFC 9001 section 5.2, RFC 9369 section 3.3.1
	key, iv, hp  string // labels for the keys of packets
	initialFirst uint8  // the two type bits of an Initial packet
}

var version1 = version{
	salt: []byte{
		0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
		0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
	},
	key: "quic key", iv: "quic iv", hp: "quic hp",
}

var version2 = version{
	salt: []byte{
		0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
		0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
	},
	key: "quicv2 key", iv: "quicv2 iv", hp: "quicv2 hp",
	initialFirst: 1, // RFC 9369 section 3.2
}

// lookUp returns what is particular to a version, nil for versions not known.
func lookUp(number uint32) *version {
	switch number {
	case Version1:
		return &version1
	case Version2:
		return &version2
	}
	return nil
}

// kind tells the type of a long header packet by its first byte.
func (v *version) kind(first byte) kind {
	return kind((first>>4 - v.initialFirst) & 3)
}
