package snmptest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

var errBER = errors.New("snmptest: malformed message")

const tagSequence = 0x30

// next cuts the first tag, length and content off b.
func next(b []byte) (tag byte, content, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, fmt.Errorf("%w: it ends early", errBER)
	}
	tag, n, b := b[0], int(b[1]), b[2:]
	if n >= 0x80 {
		octets := n & 0x7f
		if octets == 0 || octets > 4 || octets > len(b) {
			return 0, nil, nil, fmt.Errorf("%w: a length of %d octets", errBER, octets)
		}
		var length uint64
		for _, o := range b[:octets] {
			length = length<<8 | uint64(o)
		}
		b = b[octets:]
		if length > uint64(len(b)) {
			return 0, nil, nil, fmt.Errorf("%w: a length of %d with %d octets left", errBER, length, len(b))
		}
		n = int(length)
	}
	if n > len(b) {
		return 0, nil, nil, fmt.Errorf("%w: a length of %d with %d octets left", errBER, n, len(b))
	}
	return tag, b[:n], b[n:], nil
}

// expect is next for a tag that has to come.
func expect(want byte, b []byte) (content, rest []byte, err error) {
	tag, content, rest, err := next(b)
	if err == nil && tag != want {
		err = fmt.Errorf("%w: tag %#x in place of %#x", errBER, tag, want)
	}
	return content, rest, err
}

// parseInt reads a two's complement number.
func parseInt(b []byte) (int64, error) {
	if len(b) == 0 || len(b) > 8 {
		return 0, fmt.Errorf("%w: a number of %d octets", errBER, len(b))
	}
	n := int64(int8(b[0]))
	for _, o := range b[1:] {
		n = n<<8 | int64(o)
	}
	return n, nil
}

// parseUint reads a number that is not negative; Counter64 may have nine octets.
func parseUint(b []byte) (uint64, error) {
	if len(b) == 9 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 8 {
		return 0, fmt.Errorf("%w: a number of %d octets", errBER, len(b))
	}
	var full [8]byte
	copy(full[8-len(b):], b)
	return binary.BigEndian.Uint64(full[:]), nil
}

func parseValue(tag byte, b []byte) (snmpx.Value, error) {
	v := snmpx.Value{Type: snmpx.Type(tag)}
	var err error
	switch v.Type {
	case snmpx.TypeInteger:
		v.Int, err = parseInt(b)
	case snmpx.TypeCounter32, snmpx.TypeGauge32, snmpx.TypeTimeTicks, snmpx.TypeCounter64:
		var n uint64
		n, err = parseUint(b)
		v.Int = int64(n)
	default:
		v.Bytes = append([]byte(nil), b...)
	}
	return v, err
}

// appendLength appends the octets of a length.
func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(dst, byte(n))
	case n < 0x100:
		return append(dst, 0x81, byte(n))
	case n < 0x10000:
		return append(dst, 0x82, byte(n>>8), byte(n))
	}
	return append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
}

func appendTLV(dst []byte, tag byte, content []byte) []byte {
	return append(appendLength(append(dst, tag), len(content)), content...)
}

// appendInt appends a number in as few octets as it fits.
func appendInt(dst []byte, tag byte, n int64) []byte {
	size := 1 + (64-bits.LeadingZeros64(uint64(n^n>>63)))/8
	dst = append(dst, tag, byte(size))
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

func appendUint(dst []byte, tag byte, n uint64) []byte {
	if n >= 1<<63 {
		return binary.BigEndian.AppendUint64(append(dst, tag, 9, 0), n)
	}
	return appendInt(dst, tag, int64(n))
}

func appendValue(dst []byte, v snmpx.Value) []byte {
	switch v.Type {
	case snmpx.TypeInteger:
		return appendInt(dst, byte(v.Type), v.Int)
	case snmpx.TypeCounter32, snmpx.TypeGauge32, snmpx.TypeTimeTicks, snmpx.TypeCounter64:
		return appendUint(dst, byte(v.Type), uint64(v.Int))
	case 0:
		return append(dst, byte(snmpx.TypeNull), 0)
	}
	return appendTLV(dst, byte(v.Type), v.Bytes)
}

// appendVar appends a variable binding.
func appendVar(dst []byte, name []byte, v snmpx.Value) []byte {
	var room [64]byte
	value := appendValue(room[:0], v)
	var head [8]byte
	oid := appendLength(append(head[:0], byte(snmpx.TypeObjectID)), len(name))
	dst = appendLength(append(dst, tagSequence), len(oid)+len(name)+len(value))
	dst = append(append(dst, oid...), name...)
	return append(dst, value...)
}
