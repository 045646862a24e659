package snmpx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// OID is an object identifier, as 1.3.6.1.2.1.105.
type OID []uint32

// maxArcs is how many sub-identifiers RFC 3416 section 2.1 allows.
const maxArcs = 128

var errOID = errors.New("snmpx: bad object identifier")

// ParseOID reads dotted decimals, with or without a dot in front.
func ParseOID(s string) (OID, error) {
	rest := strings.TrimPrefix(s, ".")
	n := 1 + strings.Count(rest, ".")
	if n < 2 || n > maxArcs {
		return nil, fmt.Errorf("%w %.100q: 2 to %d numbers with dots are wanted", errOID, s, maxArcs)
	}
	o := make(OID, n)
	for i := range o {
		var arc string
		arc, rest, _ = strings.Cut(rest, ".")
		v, err := strconv.ParseUint(arc, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%w %.100q: %.20q is no number below 2^32", errOID, s, arc)
		}
		o[i] = uint32(v)
	}
	if o[0] > 2 || o[0] < 2 && o[1] > 39 {
		return nil, fmt.Errorf("%w %.100q: nothing begins so", errOID, s)
	}
	return o, nil
}

// MustOID is [ParseOID] for constants: it panics where that fails.
func MustOID(s string) OID {
	o, err := ParseOID(s)
	if err != nil {
		panic(err)
	}
	return o
}

// String is dotted decimals without a dot in front.
func (o OID) String() string {
	b := make([]byte, 0, 4*len(o))
	for i, arc := range o {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(arc), 10)
	}
	return string(b)
}

// HasPrefix reports whether o is p or below it.
func (o OID) HasPrefix(p OID) bool { return len(o) >= len(p) && slices.Equal(o[:len(p)], p) }

// Append returns a new OID, with the arcs after those of o.
func (o OID) Append(arcs ...uint32) OID {
	return append(append(make(OID, 0, len(o)+len(arcs)), o...), arcs...)
}

// Compare orders as agents do: by arcs, and a prefix before what is below it.
func (o OID) Compare(p OID) int { return slices.Compare(o, p) }

// Equal reports whether both are the same.
func (o OID) Equal(p OID) bool { return slices.Equal(o, p) }

// AppendBER appends the octets of o as in X.690 section 8.19, without tag and
// length.
func (o OID) AppendBER(dst []byte) []byte {
	if len(o) < 2 {
		return append(dst, 0)
	}
	dst = appendArc(dst, uint64(o[0])*40+uint64(o[1]))
	for _, arc := range o[2:] {
		dst = appendArc(dst, uint64(arc))
	}
	return dst
}

func appendArc(dst []byte, n uint64) []byte {
	for shift := 63; shift > 0; shift -= 7 {
		if n>>shift != 0 {
			dst = append(dst, 0x80|byte(n>>shift))
		}
	}
	return append(dst, byte(n&0x7f))
}

// ParseOIDBER reads what [OID.AppendBER] writes.
func ParseOIDBER(b []byte) (OID, error) {
	return appendArcs(make(OID, 0, len(b)+1), b)
}

// appendArcs appends the arcs that b holds, which are at most one more than its
// octets.
func appendArcs[O ~[]uint32](o O, b []byte) (O, error) {
	begin := len(o)
	for len(b) > 0 {
		n, i := uint64(b[0]&0x7f), 0
		for b[i] >= 0x80 {
			if i++; i == 5 || i == len(b) {
				return o, fmt.Errorf("%w: sub-identifier %d does not end", errOID, len(o)-begin)
			}
			n = n<<7 | uint64(b[i]&0x7f)
		}
		b = b[i+1:]
		if len(o) == begin {
			first := min(n/40, 2)
			o = append(o, uint32(first))
			n -= 40 * first
		}
		if n > 1<<32-1 || len(o)-begin == maxArcs {
			return o, fmt.Errorf("%w: it is too large", errOID)
		}
		o = append(o, uint32(n))
	}
	if len(o) == begin {
		return o, fmt.Errorf("%w: it is empty", errOID)
	}
	return o, nil
}
