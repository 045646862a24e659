package sniproxytest

import "encoding/binary"

// appendRecords cuts a handshake message into records.
func appendRecords(dst []byte, version uint16, message []byte, o HelloOptions) []byte {
	lengths := o.Records
	for len(message) > 0 {
		n := len(message)
		if len(lengths) > 0 {
			n = min(n, lengths[0])
			if len(lengths) > 1 || !o.Repeat {
				lengths = lengths[1:]
			}
		}
		n = min(n, 1<<14)
		dst = appendRecord(dst, 22, version, message[:n])
		message = message[n:]
	}
	return dst
}

func appendRecord(dst []byte, kind uint8, version uint16, content []byte) []byte {
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, version)
	return append16(dst, content)
}

func append8[T string | []byte](dst []byte, data T) []byte {
	return append(append(dst, byte(len(data))), data...)
}

func append16[T string | []byte](dst []byte, data T) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(data))), data...)
}

// list16 is a vector of two-byte values with its length.
func list16(values ...uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(2*len(values)))
	for _, v := range values {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// filler stands for random bytes, the same each time.
func filler(n int, seed byte) []byte {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x >> 11)
	}
	return b
}
