package tsig

import (
	"encoding/binary"
	"errors"
)

// Errors of TSIG (RFC 8945, section 3).
const (
	BadSig   = 16
	BadKey   = 17
	BadTime  = 18
	BadTrunc = 22
)

const (
	typeTSIG = 250
	classANY = 255
	header   = 12
)

// ErrFormat is a message that cannot be read, or has its TSIG record in the wrong
// place.
var ErrFormat = errors.New("tsig: malformed message")

// Record is the TSIG record of a message.
type Record struct {
	// Key and Algorithm are names on the wire, in lower case, with the root's zero.
	Key, Algorithm string
	// Time is in seconds since 1970. Fudge is how far it may be off.
	Time  uint64
	Fudge uint16
	MAC   []byte
	ID    uint16 // of the message as it was signed
	Error uint16
	Other []byte
}

// Split takes a message apart: what was signed, with the header as it was then, and
// the record, which is nil if there is none. The body is a copy if there is one.
func Split(msg []byte) (body []byte, r *Record, err error) {
	if len(msg) < header {
		return nil, nil, ErrFormat
	}
	at := header
	for range binary.BigEndian.Uint16(msg[4:]) {
		if at = skipName(msg, at); at < 0 || at+4 > len(msg) {
			return nil, nil, ErrFormat
		}
		at += 4
	}
	records := 0
	for _, section := range []int{6, 8, 10} {
		records += int(binary.BigEndian.Uint16(msg[section:]))
	}
	additional := int(binary.BigEndian.Uint16(msg[10:]))
	for i := range records {
		start := at
		if at = skipName(msg, at); at < 0 || at+10 > len(msg) {
			return nil, nil, ErrFormat
		}
		typ := binary.BigEndian.Uint16(msg[at:])
		data := at + 10
		end := data + int(binary.BigEndian.Uint16(msg[at+8:]))
		if end > len(msg) {
			return nil, nil, ErrFormat
		}
		if typ == typeTSIG {
			if i != records-1 || additional == 0 || end != len(msg) {
				return nil, nil, ErrFormat
			}
			return parse(msg, start, at, data)
		}
		at = end
	}
	return msg, nil, nil
}

// parse reads the record that is at start; its fields after the name are at fields.
func parse(msg []byte, start, fields, data int) ([]byte, *Record, error) {
	if binary.BigEndian.Uint16(msg[fields+2:]) != classANY || binary.BigEndian.Uint32(msg[fields+4:]) != 0 {
		return nil, nil, ErrFormat
	}
	r := &Record{}
	var ok bool
	if r.Key, ok = readName(msg, start); !ok {
		return nil, nil, ErrFormat
	}
	if r.Algorithm, ok = readName(msg, data); !ok {
		return nil, nil, ErrFormat
	}
	rest := msg[skipName(msg, data):]
	if len(rest) < 10 {
		return nil, nil, ErrFormat
	}
	r.Time = uint64(binary.BigEndian.Uint16(rest))<<32 | uint64(binary.BigEndian.Uint32(rest[2:]))
	r.Fudge = binary.BigEndian.Uint16(rest[6:])
	size := int(binary.BigEndian.Uint16(rest[8:]))
	if rest = rest[10:]; len(rest) < size+6 {
		return nil, nil, ErrFormat
	}
	r.MAC = rest[:size:size]
	rest = rest[size:]
	r.ID, r.Error = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	if int(binary.BigEndian.Uint16(rest[4:])) != len(rest)-6 {
		return nil, nil, ErrFormat
	}
	r.Other = rest[6:]
	body := append([]byte(nil), msg[:start]...)
	binary.BigEndian.PutUint16(body, r.ID)
	binary.BigEndian.PutUint16(body[10:], binary.BigEndian.Uint16(body[10:])-1)
	return body, r, nil
}

// skipName is where a name ends, negative if it does not.
func skipName(msg []byte, at int) int {
	for at < len(msg) {
		switch c := int(msg[at]); {
		case c == 0:
			return at + 1
		case c >= 0xc0:
			if at+2 > len(msg) {
				return -1
			}
			return at + 2
		case c > 63:
			return -1
		default:
			at += 1 + c
		}
	}
	return -1
}

// readName is a name without pointers, in lower case. Pointers lead backwards only.
func readName(msg []byte, at int) (string, bool) {
	name := make([]byte, 0, 64)
	for limit := at; at < len(msg); {
		switch c := int(msg[at]); {
		case c == 0:
			return string(append(name, 0)), true
		case c >= 0xc0:
			if at+2 > len(msg) {
				return "", false
			}
			at = (c&0x3f)<<8 | int(msg[at+1])
			if at >= limit {
				return "", false
			}
			limit = at
		case c > 63 || at+1+c > len(msg) || len(name)+1+c > 254:
			return "", false
		default:
			name = append(name, byte(c))
			for _, b := range msg[at+1 : at+1+c] {
				name = append(name, lower(b))
			}
			at += 1 + c
		}
	}
	return "", false
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
