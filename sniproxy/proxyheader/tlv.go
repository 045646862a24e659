package proxyheader

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"strings"
)

// Types of extensions (proxy-protocol.txt, section 2.2).
const (
	TypeALPN      byte = 0x01 // the protocol in use, which a passthrough proxy does not know
	TypeAuthority byte = 0x02
	TypeCRC32C    byte = 0x03
	TypeNoop      byte = 0x04
	TypeUniqueID  byte = 0x05
	TypeSSL       byte = 0x20 // of a proxy that ends TLS
	TypeNetNS     byte = 0x30
)

// Limits of extensions, in bytes.
const (
	MaxAuthority = 255  // what HAProxy takes
	MaxUniqueID  = 128  // by the protocol
	maxAlign     = 4096 // beyond it receivers find a header too long
)

// tlvHead is the part of an extension before its value: type and length.
const tlvHead = 3

// castagnoli is the polynomial of the checksum.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var zeros [4]byte

// checksum is the CRC32C of a header whose checksum field, at the offset, counts
// as zero.
func checksum(header []byte, at int) uint32 {
	sum := crc32.Update(0, castagnoli, header[:at])
	sum = crc32.Update(sum, castagnoli, zeros[:])
	return crc32.Update(sum, castagnoli, header[at+4:])
}

// TLVs is a sequence of extensions as on the wire: type, 16 bit length, value.
type TLVs []byte

// All iterates over types and values, which are views. It ends at the first
// extension that is cut short; those of [Decode] are whole.
func (t TLVs) All() iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for len(t) > 0 {
			kind, value, rest, ok := t.next()
			if !ok || !yield(kind, value) {
				return
			}
			t = rest
		}
	}
}

// Get returns a view of the value of the first extension of the type.
func (t TLVs) Get(kind byte) ([]byte, bool) {
	for k, value := range t.All() {
		if k == kind {
			return value, true
		}
	}
	return nil, false
}

// next cuts the first extension off; ok is false if there is no whole one.
func (t TLVs) next() (kind byte, value []byte, rest TLVs, ok bool) {
	if len(t) < tlvHead {
		return 0, nil, nil, false
	}
	end := tlvHead + int(binary.BigEndian.Uint16(t[1:]))
	if end > len(t) {
		return 0, nil, nil, false
	}
	return t[0], t[tlvHead:end:end], t[end:], true
}

// AppendTLV appends an extension, for [Header.TLVs].
func AppendTLV(dst TLVs, kind byte, value []byte) (TLVs, error) {
	if len(value) > 0xffff {
		return dst, fmt.Errorf("%w: extension 0x%02x of %d bytes, at most 65535", ErrTooLong, kind, len(value))
	}
	return appendTLV(dst, kind, value), nil
}

func appendTLV(dst []byte, kind byte, value []byte) []byte {
	dst = append(dst, kind, byte(len(value)>>8), byte(len(value)))
	return append(dst, value...)
}

// appendTLVs appends the extensions of h to a header that begins at start. The
// checksum is the first and still zero.
func appendTLVs(b []byte, start int, h *Header) ([]byte, error) {
	if len(h.Authority) > MaxAuthority {
		return b, fmt.Errorf("%w: authority of %d bytes, at most %d", ErrTooLong, len(h.Authority), MaxAuthority)
	}
	if len(h.UniqueID) > MaxUniqueID {
		return b, fmt.Errorf("%w: unique ID of %d bytes, at most %d", ErrTooLong, len(h.UniqueID), MaxUniqueID)
	}
	if h.Align < 0 || h.Align > maxAlign {
		return b, fmt.Errorf("%w: alignment of %d bytes, 0 to %d", ErrTooLong, h.Align, maxAlign)
	}
	if h.CRC32C {
		b = appendTLV(b, TypeCRC32C, zeros[:])
	}
	if len(h.UniqueID) > 0 {
		b = appendTLV(b, TypeUniqueID, h.UniqueID)
	}
	if len(h.Authority) > 0 {
		b = appendTLV(b, TypeAuthority, h.Authority)
	}
	b, err := appendOthers(b, h)
	if err != nil {
		return b, err
	}
	return appendPadding(b, start, h.Align), nil
}

// appendOthers appends those of h.TLVs that no field of h stands for.
func appendOthers(b []byte, h *Header) ([]byte, error) {
	for rest := h.TLVs; len(rest) > 0; {
		kind, value, next, ok := rest.next()
		if !ok {
			return b, fmt.Errorf("proxyheader: append header: extension %d bytes before the end of TLVs is cut short: %w", len(rest), ErrMalformed)
		}
		rest = next
		switch {
		case kind == TypeCRC32C, kind == TypeNoop,
			kind == TypeAuthority && len(h.Authority) > 0,
			kind == TypeUniqueID && len(h.UniqueID) > 0:
			continue
		}
		b = appendTLV(b, kind, value)
	}
	return b, nil
}

// appendPadding fills the header that begins at start up to a multiple of align
// bytes. The least extension has three.
func appendPadding(b []byte, start, align int) []byte {
	if align < 2 {
		return b
	}
	gap := (align - (len(b)-start)%align) % align
	if gap == 0 {
		return b
	}
	for gap < tlvHead {
		gap += align
	}
	b = append(b, TypeNoop, byte((gap-tlvHead)>>8), byte(gap-tlvHead))
	for range gap - tlvHead {
		b = append(b, 0)
	}
	return b
}

// TLVSet says which extensions a sender adds, for configuration.
type TLVSet uint8

// The extensions of a set.
const (
	WithAuthority TLVSet = 1 << iota // the name in the hello, as [Header.Authority]
	WithUniqueID                     // the connection's id, as [Header.UniqueID]
	WithCRC32C                       // the checksum, [Header.CRC32C]
)

var tlvNames = [...]string{"authority", "unique-id", "crc32c"}

// String lists the names, separated by commas, in the words of HAProxy's
// proxy-v2-options.
func (s TLVSet) String() string {
	var names []string
	for i, name := range tlvNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// MarshalText returns what String does.
func (s TLVSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a list as String writes it.
func (s *TLVSet) UnmarshalText(text []byte) error {
	var set TLVSet
next:
	for field := range strings.SplitSeq(string(text), ",") {
		field = strings.TrimSpace(field)
		for i, name := range tlvNames {
			if field == name {
				set |= 1 << i
				continue next
			}
		}
		if field != "" {
			return fmt.Errorf("proxyheader: no extension %q: use %s", field, strings.Join(tlvNames[:], ", "))
		}
	}
	*s = set
	return nil
}
