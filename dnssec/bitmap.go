package dnssec

import "slices"

// appendBitmap adds the type bit maps of NSEC and NSEC3 records (RFC 4034, section
// 4.1.2). The types may come in any order and twice.
func appendBitmap(b []byte, types []uint16) []byte {
	slices.Sort(types)
	for len(types) > 0 {
		window := types[0] >> 8
		var bits [32]byte
		last := 0
		for len(types) > 0 && types[0]>>8 == window {
			low := int(types[0] & 0xff)
			bits[low/8] |= 0x80 >> (low % 8)
			last = low / 8
			types = types[1:]
		}
		b = append(b, byte(window), byte(last+1))
		b = append(b, bits[:last+1]...)
	}
	return b
}
