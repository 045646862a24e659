package qbridge

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Format is how a switch writes a PortList.
type Format uint8

const (
	// Detect finds out, from what the switch's lists can mean.
	Detect Format = iota
	// Bitmap is the format of RFC 4363: port 1 is the highest bit of the first
	// octet.
	Bitmap
	// Reversed has port 1 in the lowest bit of the first octet, as tables of
	// Comware have it.
	Reversed
	// Text is port numbers with commas, "1,2,5", as Junos answers.
	Text
)

var formatNames = [...]string{"detect", "bitmap", "reversed", "text"}

// String is the name: "detect", "bitmap", "reversed" or "text".
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return "format " + strconv.Itoa(int(f))
}

const (
	maxOctets = 512   // of a bitmap: 4096 ports
	maxText   = 16384 // octets of a text
	maxPort   = 8 * maxOctets
)

var errPortList = errors.New("qbridge: bad PortList")

// PortList is a set of ports, by dot1dBasePort from 1 to 4096. The zero value is
// empty.
type PortList struct {
	format Format
	bits   []byte // as RFC 4363 has them, whatever the format
}

// ParsePortList reads a list in a format, which must not be [Detect]. A bitmap
// may have up to 512 octets.
func ParsePortList(octets []byte, f Format) (PortList, error) {
	switch f {
	case Bitmap, Reversed:
		if len(octets) > maxOctets {
			return PortList{}, fmt.Errorf("%w of %d octets: %d is the most", errPortList, len(octets), maxOctets)
		}
		l := PortList{format: f, bits: slices.Clone(octets)}
		if f == Reversed {
			reverse(l.bits)
		}
		return l, nil
	case Text:
		return parseText(octets)
	}
	return PortList{}, fmt.Errorf("%w: %s is no format to read", errPortList, f)
}

func reverse(octets []byte) {
	for i, b := range octets {
		octets[i] = bits.Reverse8(b)
	}
}

func parseText(octets []byte) (PortList, error) {
	l := PortList{format: Text}
	if len(octets) > maxText {
		return PortList{}, fmt.Errorf("%w of %d octets: %d is the most", errPortList, len(octets), maxText)
	}
	text := strings.TrimSpace(string(bytes.TrimRight(octets, "\x00")))
	if text == "" {
		return l, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(part), 10, 16)
		if err != nil || n < 1 || n > maxPort {
			return PortList{}, fmt.Errorf("%w: %.20q is no port from 1 to %d", errPortList, part, maxPort)
		}
		l = l.With(int(n))
	}
	return l, nil
}

// Octets is the list in its format. A bitmap has the length that it was read
// with, or what its highest port needs if that is more.
func (l PortList) Octets() []byte {
	switch l.format {
	case Text:
		var b []byte
		for i, port := range l.Ports() {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(port), 10)
		}
		return b
	case Reversed:
		octets := slices.Clone(l.bits)
		reverse(octets)
		return octets
	}
	return slices.Clone(l.bits)
}

// Ports are those in the list, in order.
func (l PortList) Ports() []int {
	var ports []int
	for i, b := range l.bits {
		for ; b != 0; b &^= 0x80 >> bits.LeadingZeros8(b) {
			ports = append(ports, 8*i+bits.LeadingZeros8(b)+1)
		}
	}
	return ports
}

// Has reports whether a port is in the list.
func (l PortList) Has(port int) bool {
	if port < 1 {
		return false
	}
	i, bit := place(port)
	return i < len(l.bits) && l.bits[i]&bit != 0
}

// With is the list and a port, which is from 1 to 4096; other numbers change
// nothing.
func (l PortList) With(port int) PortList {
	if port < 1 || port > maxPort {
		return l
	}
	i, bit := place(port)
	out := l.padded(i + 1)
	out.bits[i] |= bit
	return out
}

// Without is the list less a port.
func (l PortList) Without(port int) PortList {
	if !l.Has(port) {
		return l
	}
	i, bit := place(port)
	out := l.padded(0)
	out.bits[i] &^= bit
	return out
}

// padded is a copy of at least so many octets of bitmap.
func (l PortList) padded(octets int) PortList {
	grown := make([]byte, max(len(l.bits), octets))
	copy(grown, l.bits)
	return PortList{format: l.format, bits: grown}
}

// place is where a port is in a bitmap.
func place(port int) (octet int, bit byte) { return (port - 1) / 8, 0x80 >> ((port - 1) % 8) }
