package telnet

// Commands of RFC 854.
const (
	cmdSE   = 240
	cmdBRK  = 243
	cmdSB   = 250
	cmdWILL = 251
	cmdWONT = 252
	cmdDO   = 253
	cmdDONT = 254
	cmdIAC  = 255
)

// Options: RFC 856, 857, 858, 2217.
const (
	optBinary  = 0
	optEcho    = 1
	optSGA     = 3
	optComPort = 44
)

// appendData appends what the line is to get, as it goes over the wire: IAC
// doubled, and outside of BINARY mode a lone CR with a NUL (RFC 854, page 11).
func appendData(dst, data []byte, binary bool) []byte {
	for i, b := range data {
		dst = append(dst, b)
		if unit(data, i, binary) == 2 {
			dst = append(dst, second(b))
		}
	}
	return dst
}

// unit is how many bytes data[i] takes on the wire.
func unit(data []byte, i int, binary bool) int {
	switch {
	case data[i] == cmdIAC:
		return 2
	case data[i] == '\r' && !binary && (i+1 == len(data) || data[i+1] != '\n'):
		return 2
	}
	return 1
}

// second is the other byte of a unit of two.
func second(b byte) byte {
	if b == '\r' {
		return 0
	}
	return b
}

// sent finds how much of data went out with the first n bytes of its encoding.
// If the last unit was torn, its rest must go out before anything else.
func sent(data []byte, n int, binary bool) (count int, rest []byte) {
	for i := range data {
		if n == 0 {
			return i, nil
		}
		size := unit(data, i, binary)
		if size > n {
			return i + 1, []byte{second(data[i])}
		}
		n -= size
	}
	return len(data), nil
}

// appendSub appends a subnegotiation of RFC 2217.
func appendSub(dst []byte, command byte, value ...byte) []byte {
	dst = append(dst, cmdIAC, cmdSB, optComPort, command)
	dst = appendData(dst, value, true)
	return append(dst, cmdIAC, cmdSE)
}
