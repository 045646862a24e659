package clienthello

import (
	"bytes"
	"net/netip"
)

const (
	maxName  = 253
	maxLabel = 63
)

// letters holds what a byte of a label becomes, 0 for bytes that no label has.
// The underscore is none of a host name's (RFC 952), but in use.
var letters = [256]byte{
	'-': '-', '_': '_',
	'0': '0', '1': '1', '2': '2', '3': '3', '4': '4', '5': '5', '6': '6', '7': '7', '8': '8', '9': '9',
	'a': 'a', 'b': 'b', 'c': 'c', 'd': 'd', 'e': 'e', 'f': 'f', 'g': 'g', 'h': 'h', 'i': 'i', 'j': 'j', 'k': 'k',
	'l': 'l', 'm': 'm', 'n': 'n', 'o': 'o', 'p': 'p', 'q': 'q', 'r': 'r', 's': 's', 't': 't', 'u': 'u', 'v': 'v',
	'w': 'w', 'x': 'x', 'y': 'y', 'z': 'z',
	'A': 'a', 'B': 'b', 'C': 'c', 'D': 'd', 'E': 'e', 'F': 'f', 'G': 'g', 'H': 'h', 'I': 'i', 'J': 'j', 'K': 'k',
	'L': 'l', 'M': 'm', 'N': 'n', 'O': 'o', 'P': 'p', 'Q': 'q', 'R': 'r', 'S': 's', 'T': 't', 'U': 'u', 'V': 'v',
	'W': 'w', 'X': 'x', 'Y': 'y', 'Z': 'z',
}

// CanonicalName appends the form in which names are compared and routed: lower
// case, without one trailing dot. It serves for the names of ClientHellos and of
// Host fields without their port alike.
//
// Names are A-labels of letters, digits, hyphens and underscores, at most 63
// bytes each and 253 in all; a name whose last label is a number is an IPv4
// address to browsers, and refused with IPv6 literals as [IPLiteral]. On failure
// dst comes back as it was, with an [*Error].
func CanonicalName(dst, name []byte) ([]byte, error) {
	var buf [maxName]byte
	n, r := canonical(&buf, name)
	if r != 0 {
		return dst, r.err()
	}
	return append(dst, buf[:n]...), nil
}

// canonical writes the canonical name to dst and returns its length.
func canonical(dst *[maxName]byte, name []byte) (int, Reason) {
	if n := len(name); n > 0 && name[n-1] == '.' {
		name = name[:n-1]
	}
	if len(name) == 0 {
		return 0, NameEmpty
	}
	if len(name) > maxName {
		return 0, NameTooLong
	}
	label := 0 // where the current label begins
	out := dst[:len(name)]
	for i, c := range name {
		l := letters[c]
		if l == 0 {
			if c != '.' {
				return 0, strange(name, c)
			}
			if r := labelReason(i - label); r != 0 {
				return 0, r
			}
			label, l = i+1, '.'
		}
		out[i] = l
	}
	if r := labelReason(len(name) - label); r != 0 {
		return 0, r
	}
	if isNumber(out[label:]) {
		return 0, IPLiteral
	}
	return len(name), 0
}

func labelReason(n int) Reason {
	switch {
	case n == 0:
		return LabelEmpty
	case n > maxLabel:
		return LabelTooLong
	}
	return 0
}

// strange says what a name is that holds the byte c.
func strange(name []byte, c byte) Reason {
	switch c {
	case 0:
		return NameNUL
	case '[', ':':
		inner := bytes.TrimSuffix(bytes.TrimPrefix(name, []byte("[")), []byte("]"))
		if _, err := netip.ParseAddr(string(inner)); err == nil {
			return IPLiteral
		}
	}
	return NameCharacter
}

// isNumber says whether a last label, in lower case, makes the name an IPv4
// address to a browser: digits, or 0x and hexadecimal digits.
func isNumber(label []byte) bool {
	if label[0] < '0' || label[0] > '9' {
		return false
	}
	hex := len(label) > 1 && label[0] == '0' && label[1] == 'x'
	if hex {
		label = label[2:]
	}
	for _, c := range label {
		if (c < '0' || c > '9') && (!hex || c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
