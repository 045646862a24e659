package proxyheader

import (
	"bytes"
	"net/netip"
)

const (
	wordV1 = "PROXY "
	minV1  = len(wordV1 + "UNKNOWN\r\n")
)

// decodeV1 reads a line that begins with wordV1, or part of it.
func decodeV1(b []byte) (h Header, n int, err error) {
	n, err = lineLength(b)
	if err != nil {
		return h, n, err
	}
	line := b[len(wordV1) : n-2]
	h.Version = V1
	if word, _, _ := bytes.Cut(line, []byte(" ")); string(word) == "UNKNOWN" {
		return h, n, nil // whatever follows is skipped
	}
	if h.Source, h.Destination, err = endpoints(line); err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// lineLength finds the end of the line.
func lineLength(b []byte) (int, error) {
	line := b[:min(len(b), MaxV1)]
	i := bytes.IndexAny(line, "\r\n")
	switch {
	case i < 0 && len(line) == MaxV1, i == MaxV1-1:
		return 0, errV1Long
	case i < 0:
		return max(len(line)+2, minV1), ErrShort
	case line[i] == '\n':
		return 0, errV1End
	case i == len(line)-1:
		return len(line) + 1, ErrShort
	case line[i+1] != '\n':
		return 0, errV1End
	}
	return i + 2, nil
}

// endpoints reads "TCP4 source destination sport dport".
func endpoints(line []byte) (src, dst netip.AddrPort, err error) {
	var fields [5][]byte
	rest, more := line, true
	for i := range fields {
		if !more {
			return src, dst, errV1Fields
		}
		fields[i], rest, more = bytes.Cut(rest, []byte(" "))
	}
	if more {
		return src, dst, errV1Fields
	}
	is6 := string(fields[0]) == "TCP6"
	if !is6 && string(fields[0]) != "TCP4" {
		return src, dst, errV1Family
	}
	from, ok1 := parseAddr(fields[1], is6)
	to, ok2 := parseAddr(fields[2], is6)
	if !ok1 || !ok2 {
		return src, dst, errV1Address
	}
	sport, ok1 := parsePort(fields[3])
	dport, ok2 := parsePort(fields[4])
	if !ok1 || !ok2 {
		return src, dst, errV1Port
	}
	return netip.AddrPortFrom(from.Unmap(), sport), netip.AddrPortFrom(to.Unmap(), dport), nil
}

// parseAddr reads an address of the family. It takes what [netip.ParseAddr]
// takes, but for zones, and needs no string.
func parseAddr(b []byte, is6 bool) (netip.Addr, bool) {
	if is6 {
		return parse6(b)
	}
	return parse4(b)
}

// parsePort reads a port as the protocol writes it.
func parsePort(b []byte) (uint16, bool) {
	n, ok := decimal(b, 5)
	return uint16(n), ok && n <= 0xffff
}

// decimal reads a number of one to most digits without leading zeros.
func decimal(b []byte, most int) (n int, ok bool) {
	if len(b) == 0 || len(b) > most || len(b) > 1 && b[0] == '0' {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// parse4 reads an IPv4 address in dotted form.
func parse4(b []byte) (netip.Addr, bool) {
	var ip [4]byte
	more := true
	for i := range ip {
		var part []byte
		if !more {
			return netip.Addr{}, false
		}
		part, b, more = bytes.Cut(b, []byte("."))
		n, ok := decimal(part, 3)
		if !ok || n > 255 {
			return netip.Addr{}, false
		}
		ip[i] = byte(n)
	}
	return netip.AddrFrom4(ip), !more
}

// parse6 reads an IPv6 address, whose end may be dotted.
func parse6(b []byte) (netip.Addr, bool) {
	var ip [16]byte
	n, gap := 0, -1 // bytes written, and where "::" stood
	if bytes.HasPrefix(b, []byte("::")) {
		gap, b = 0, b[2:]
	} else if len(b) == 0 {
		return netip.Addr{}, false
	}
	for len(b) > 0 {
		group, digits := hexGroup(b)
		if digits < len(b) && b[digits] == '.' {
			v4, ok := parse4(b)
			if !ok || n > 12 {
				return netip.Addr{}, false
			}
			a := v4.As4()
			n += copy(ip[n:], a[:])
			break
		}
		if digits == 0 || n == len(ip) {
			return netip.Addr{}, false
		}
		ip[n], ip[n+1] = byte(group>>8), byte(group)
		n += 2
		if b = b[digits:]; len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return netip.Addr{}, false
		}
		if b = b[1:]; b[0] == ':' {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap, b = n, b[1:]
		}
	}
	if (gap >= 0) == (n == len(ip)) {
		return netip.Addr{}, false
	}
	if gap >= 0 {
		tail := n - gap
		copy(ip[len(ip)-tail:], ip[gap:n])
		clear(ip[gap : len(ip)-tail])
	}
	return netip.AddrFrom16(ip), true
}

// hexGroup reads up to four hexadecimal digits.
func hexGroup(b []byte) (group uint16, digits int) {
	for digits < len(b) && digits < 4 {
		c := b[digits]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return group, digits
		}
		group = group<<4 | uint16(c)
		digits++
	}
	return group, digits
}
