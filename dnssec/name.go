package dnssec

import (
	"fmt"
	"strings"
)

const (
	maxLabel = 63
	maxName  = 255 // with the root's byte
)

// Name is a domain name in canonical form: octets as they are on the wire, with
// ASCII letters in lower case (RFC 4034, section 6.2). Equal names are equal by
// ==, however they were written. The zero value is the root.
type Name struct {
	wire string // labels, each behind its length; without the root's zero
}

// ParseName reads a name in the presentation format of zone files. It is taken as
// absolute, with or without the dot at its end.
func ParseName(s string) (Name, error) {
	if s == "." {
		return Name{}, nil
	}
	fail := func(why string) (Name, error) {
		return Name{}, fmt.Errorf("dnssec: name %q: %s", s, why)
	}
	wire := make([]byte, 1, len(s)+2)
	start := 0 // of the label's length
	for i := 0; i < len(s); {
		if s[i] == '.' {
			if why := closeLabel(wire, start); why != "" {
				return fail(why)
			}
			start, wire = len(wire), append(wire, 0)
			i++
			continue
		}
		c, n := unescape(s[i:])
		if n == 0 {
			return fail(`a backslash takes three digits up to 255 or one character`)
		}
		wire = append(wire, lower(c))
		i += n
	}
	if start == len(wire)-1 && start > 0 {
		wire = wire[:start] // what follows the last dot
	} else if why := closeLabel(wire, start); why != "" {
		return fail(why)
	}
	if len(wire)+1 > maxName {
		return fail("longer than 255 octets")
	}
	return Name{string(wire)}, nil
}

// closeLabel sets the length of the label that begins at start.
func closeLabel(wire []byte, start int) (why string) {
	n := len(wire) - start - 1
	switch {
	case n == 0:
		return "has an empty label"
	case n > maxLabel:
		return "has a label longer than 63 octets"
	}
	wire[start] = byte(n)
	return ""
}

// unescape reads one octet and says how long it was written; 0 is no octet.
func unescape(s string) (c byte, n int) {
	if s[0] != '\\' {
		return s[0], 1
	}
	if len(s) < 2 {
		return 0, 0
	}
	if !digit(s[1]) {
		return s[1], 2
	}
	if len(s) < 4 || !digit(s[2]) || !digit(s[3]) {
		return 0, 0
	}
	v := int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 4
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// nameLength is the length of the uncompressed name at the front of b, with the
// root's byte.
func nameLength(b []byte) (int, error) {
	for i := 0; i < len(b) && i < maxName; {
		n := int(b[i])
		if n == 0 {
			return i + 1, nil
		}
		if n > maxLabel {
			return 0, fmt.Errorf("a compressed or unknown label where a plain name must be")
		}
		i += n + 1
	}
	return 0, fmt.Errorf("a name that does not end")
}

// lowerName makes a wire name canonical in place. The length octets are below
// 'A', so that all octets can be treated alike.
func lowerName(b []byte) {
	for i, c := range b {
		b[i] = lower(c)
	}
}

// String is the name in presentation format, with the dot at its end.
func (n Name) String() string {
	if n.wire == "" {
		return "."
	}
	var b strings.Builder
	for label := range n.labels() {
		for i := range len(label) {
			escape(&b, label[i])
		}
		b.WriteByte('.')
	}
	return b.String()
}

func escape(b *strings.Builder, c byte) {
	switch {
	case strings.IndexByte(`."\()@;$`, c) >= 0:
		b.WriteByte('\\')
		b.WriteByte(c)
	case c <= ' ' || c > '~':
		fmt.Fprintf(b, `\%03d`, c)
	default:
		b.WriteByte(c)
	}
}

// labels yields the labels, the leftmost first.
func (n Name) labels() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for w := n.wire; w != ""; w = w[1+w[0]:] {
			if !yield(w[1 : 1+w[0]]) {
				return
			}
		}
	}
}

// Labels counts the labels; the root has none.
func (n Name) Labels() int {
	count := 0
	for range n.labels() {
		count++
	}
	return count
}

// Wildcard says whether the leftmost label is an asterisk and nothing else
// (RFC 4592, section 2.1.1).
func (n Name) Wildcard() bool { return strings.HasPrefix(n.wire, "\x01*") }

// Parent is the name without its leftmost label. The root is its own parent.
func (n Name) Parent() Name {
	if n.wire == "" {
		return n
	}
	return Name{n.wire[1+n.wire[0]:]}
}

// Under says whether the name is the ancestor or below it.
func (n Name) Under(ancestor Name) bool {
	for w := n.wire; len(w) >= len(ancestor.wire); w = w[1+w[0]:] {
		if w == ancestor.wire {
			return true
		}
		if w == "" {
			break
		}
	}
	return false
}

// Compare orders names as RFC 4034, section 6.1, does: by their labels from the
// right, each as octets.
func (n Name) Compare(other Name) int { return strings.Compare(n.key(), other.key()) }

// key is a string that sorts as the name does: the labels from the right, each
// ended by a zero. A name's key is a prefix of those of all names below it. Zeros
// and ones within a label are written as two octets.
func (n Name) key() string {
	var starts [128]byte
	count := 0
	for i := 0; i < len(n.wire); i += 1 + int(n.wire[i]) {
		starts[count] = byte(i)
		count++
	}
	b := make([]byte, 0, len(n.wire)+4)
	for i := count - 1; i >= 0; i-- {
		at := int(starts[i])
		for _, c := range []byte(n.wire[at+1 : at+1+int(n.wire[at])]) {
			if c <= 1 {
				b = append(b, 1)
				c++
			}
			b = append(b, c)
		}
		b = append(b, 0)
	}
	return string(b)
}

// prepend makes the name a label longer.
func (n Name) prepend(label string) (Name, error) {
	if len(label)+len(n.wire)+2 > maxName {
		return Name{}, fmt.Errorf("dnssec: name %q: no room for a label of %d octets", n, len(label))
	}
	return Name{string(rune(len(label))) + label + n.wire}, nil
}

// appendWire adds the name with the root's byte.
func (n Name) appendWire(b []byte) []byte {
	b = append(b, n.wire...)
	return append(b, 0)
}
