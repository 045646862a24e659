package httphead

import "encoding/binary"

// Classes of bytes, as bits.
const (
	tokenChar  = 1 << iota // RFC 9110, section 5.6.2
	targetChar             // visible ASCII but "#", which no request-target holds
	digit
	hexDigit
)

// marks are the characters of a token that are neither letters nor digits.
const marks = "!#$%&'*+-.^_`|~"

var classes = classTable()

func classTable() (t [256]uint8) {
	for c := range t {
		switch b := byte(c); {
		case '0' <= b && b <= '9':
			t[c] = tokenChar | digit | hexDigit
		case 'a' <= b|0x20 && b|0x20 <= 'f':
			t[c] = tokenChar | hexDigit
		case 'a' <= b|0x20 && b|0x20 <= 'z':
			t[c] = tokenChar
		}
		if '!' <= c && c <= '~' && c != '#' {
			t[c] |= targetChar
		}
	}
	for _, c := range []byte(marks) {
		t[c] |= tokenChar
	}
	return t
}

// folds makes lower case of letters and "-" of all other characters of a token but
// digits, as servers do that hand fields to programs by variables of the
// environment (RFC 3875, section 4.1.18): some for "_", some for any.
var folds = foldTable()

func foldTable() (t [256]byte) {
	for c := range t {
		t[c] = lower(byte(c))
	}
	for _, c := range []byte(marks) {
		t[c] = '-'
	}
	return t
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// isToken reports whether s is a token that is not empty.
func isToken[T string | []byte](s T) bool {
	for i := range len(s) {
		if classes[s[i]]&tokenChar == 0 {
			return false
		}
	}
	return len(s) > 0
}

// equalFold compares ASCII without regard to case; want is in lower case.
func equalFold(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if lower(c) != want[i] {
			return false
		}
	}
	return true
}

// sameFold compares ASCII without regard to case.
func sameFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// control returns the index of the first control byte in b[i:] other than a
// tab, which is where a value of a field ends or is bad; len(b) if there is none.
func control(b []byte, i int) int {
	for len(b)-i >= 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		// A byte below 0x20 borrows when 0x20 is taken away; DEL becomes zero
		// by the exclusive or. Both may mark a byte above the first one that
		// is meant, never one below it.
		del := x ^ 0x7f*lows
		if ((x-0x20*lows)&^x|(del-lows)&^del)&highs != 0 {
			break
		}
		i += 8
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' && c != '\t' || c == 0x7f {
			return i
		}
	}
	return i
}
