package clienthello

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// parse fills the Info from a whole ClientHello, which begins with its header of
// four bytes; a malformed one leaves it empty.
func (i *Info) parse(message []byte) Reason {
	i.reset()
	if r := i.fill(message); r != 0 {
		i.reset()
		return r
	}
	return 0
}

// fill takes the fields of RFC 8446 section 4.1.2.
func (i *Info) fill(message []byte) Reason {
	i.Size = len(message)
	if len(message) < 4+2+32 {
		return Truncated
	}
	i.LegacyVersion = binary.BigEndian.Uint16(message[4:])
	if i.LegacyVersion < 0x0300 {
		return Version
	}
	i.MinVersion, i.MaxVersion = i.LegacyVersion, i.LegacyVersion

	session, rest, ok := vector8(message[4+2+32:])
	if !ok || len(session) > 32 {
		return Truncated
	}
	suites, rest, ok := vector16(rest)
	if !ok || len(suites) == 0 || len(suites)%2 != 0 {
		return Truncated
	}
	compression, rest, ok := vector8(rest)
	if !ok || len(compression) == 0 {
		return Truncated
	}
	if compression[0] != 0 && bytes.IndexByte(compression, 0) < 0 {
		return Compression
	}
	if len(rest) == 0 { // TLS 1.2 and earlier need no extensions
		return 0
	}
	extensions, rest, ok := vector16(rest)
	if !ok || len(rest) != 0 {
		return Truncated
	}
	return i.parseExtensions(extensions)
}

// parseExtensions goes over the list, which holds each type at most once.
func (i *Info) parseExtensions(list []byte) Reason {
	var seen typeSet
	for at := 0; at < len(list); {
		if len(list)-at < 4 {
			return Truncated
		}
		kind, n := binary.BigEndian.Uint16(list[at:]), int(binary.BigEndian.Uint16(list[at+2:]))
		at += 4
		if n > len(list)-at {
			return Truncated
		}
		data := list[at : at+n]
		at += n
		if r := seen.add(kind); r != 0 {
			return r
		}
		if r := i.extension(kind, data, at == len(list)); r != 0 {
			return r
		}
	}
	return 0
}

const maxOther = 96

// typeSet remembers extension types: assigned ones in a bitmap, the rest in a
// list that bounds the work of looking through it.
type typeSet struct {
	low   [2]uint64
	other [maxOther]uint16
	n     int
}

func (s *typeSet) add(kind uint16) Reason {
	if kind < 128 {
		word, bit := &s.low[kind>>6], uint64(1)<<(kind&63)
		if *word&bit != 0 {
			return DuplicateExtension
		}
		*word |= bit
		return 0
	}
	if slices.Contains(s.other[:s.n], kind) {
		return DuplicateExtension
	}
	if s.n == maxOther {
		return TooManyExtensions
	}
	s.other[s.n] = kind
	s.n++
	return 0
}

// vector8 splits off a vector with a length of one byte.
func vector8(b []byte) (data, rest []byte, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	end := 1 + int(b[0])
	return b[1:end], b[end:], true
}

// vector16 splits off a vector with a length of two bytes.
func vector16(b []byte) (data, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	end := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < end {
		return nil, nil, false
	}
	return b[2:end], b[end:], true
}

// all8 is the vector with a length of one byte that b is.
func all8(b []byte) (data []byte, ok bool) {
	data, rest, ok := vector8(b)
	return data, ok && len(rest) == 0
}

// all16 is the vector with a length of two bytes that b is.
func all16(b []byte) (data []byte, ok bool) {
	data, rest, ok := vector16(b)
	return data, ok && len(rest) == 0
}
