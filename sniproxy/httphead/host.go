package httphead

import (
	"bytes"
	"net/netip"

	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
)

// maxHost is the longest canonical host: a name of 253 bytes.
const maxHost = 253

// authority is a host with its port, if it has one.
type authority struct {
	name    [maxHost]byte
	n       int
	port    span // digits, in the parsed buffer
	literal bool // an IP address
	six     bool // an IPv6 address, which takes brackets
}

func (a *authority) reset() { a.n, a.port, a.literal, a.six = 0, span{}, false, false }

// host is nil if there is none.
func (a *authority) host() []byte {
	if a.n == 0 {
		return nil
	}
	return a.name[:a.n]
}

// parse reads host[:port] (RFC 3986, section 3.2, without user information) and
// reports whether it is one.
func (a *authority) parse(b []byte, s span) bool {
	a.reset()
	text := s.of(b)
	if len(text) > 0 && text[0] == '[' {
		end := bytes.IndexByte(text, ']')
		return end > 0 && a.parseSix(text[1:end]) && a.parsePort(b, s.from+end+1, s.to)
	}
	colon := bytes.IndexByte(text, ':')
	if colon < 0 {
		colon = len(text)
	}
	return a.parseName(text[:colon]) && a.parsePort(b, s.from+colon, s.to)
}

func (a *authority) parseName(text []byte) bool {
	name, err := clienthello.CanonicalName(a.name[:0], text)
	if err == nil {
		a.n = len(name)
		return true
	}
	// Only the dotted form of four numbers without zeros in front is an address
	// to everybody.
	addr, err := netip.ParseAddr(string(text))
	if err != nil || !addr.Is4() {
		return false
	}
	a.literal = true
	a.n = len(addr.AppendTo(a.name[:0]))
	return true
}

func (a *authority) parseSix(text []byte) bool {
	addr, err := netip.ParseAddr(string(text))
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return false
	}
	a.literal, a.six = true, true
	a.n = len(addr.AppendTo(a.name[:0]))
	return true
}

// parsePort reads ":port", ":" or nothing. A port is 1 to 65535 in the one way
// to write it.
func (a *authority) parsePort(b []byte, from, to int) bool {
	if from == to {
		return true
	}
	if b[from] != ':' {
		return false
	}
	port := span{from + 1, to}
	if port.from == port.to {
		return true
	}
	n := 0
	for _, c := range port.of(b) {
		if classes[c]&digit == 0 || c == '0' && n == 0 {
			return false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return false
		}
	}
	a.port = port
	return true
}

// append appends host[:port] as Host has it.
func (a *authority) append(dst, b []byte) []byte {
	if a.six {
		dst = append(dst, '[')
	}
	dst = append(dst, a.name[:a.n]...)
	if a.six {
		dst = append(dst, ']')
	}
	if a.port.to > a.port.from {
		dst = append(append(dst, ':'), a.port.of(b)...)
	}
	return dst
}
