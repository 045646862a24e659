package dhcp

import (
	"cmp"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Sizes of a message without its IP and UDP headers.
const (
	minSize     = 300  // BOOTP's, which relays and old clients insist on
	defaultSize = 548  // what every client takes, RFC 2131 section 2
	maxSize     = 1472 // an Ethernet frame
	ipUDPHeader = 28   // option 57 counts these
)

const maxFile = 127 // of the file field, with its NUL

// optionRank puts the options that a client cannot do without first, so that
// they are what fits. The rest follows by code, and relay information
// comes last (RFC 3046 section 2.1).
var optionRank = map[uint8]int{53: -9, 54: -8, 51: -7, 1: -6, 3: -5, 6: -4, 60: -3, 43: -2, 67: -1, optRelayInfo: 256}

const optRelayInfo = 82

// encode returns m as it goes on the wire in at most size bytes: message type
// first, relay information last, no padding between options, and sname and
// file used for options only when the options do not fit otherwise. left are
// the codes of options there was no room for even so.
func encode(m *dhcpv4.DHCPv4, size int) (b []byte, left []uint8) {
	b = make([]byte, offOptions, defaultSize)
	encodeHeader(b, m)
	chunks := encodeOptions(m.Options)
	room := size - offOptions - 1 // for END
	total := 0
	for _, c := range chunks {
		total += len(c)
	}
	if total > room {
		chunks, left = overload(b, m, chunks, room)
	}
	for _, c := range chunks {
		b = append(b, c...)
	}
	b = append(b, optEnd)
	if len(b) < minSize {
		b = append(b, make([]byte, minSize-len(b))...)
	}
	return b, left
}

func encodeHeader(b []byte, m *dhcpv4.DHCPv4) {
	b[0], b[1], b[2], b[3] = byte(m.OpCode), byte(m.HWType), byte(len(m.ClientHWAddr)), m.HopCount
	copy(b[4:8], m.TransactionID[:])
	b[8], b[9] = byte(m.NumSeconds>>8), byte(m.NumSeconds)
	b[10], b[11] = byte(m.Flags>>8), byte(m.Flags)
	copy(b[12:16], m.ClientIPAddr.To4())
	copy(b[16:20], m.YourIPAddr.To4())
	copy(b[20:24], m.ServerIPAddr.To4())
	copy(b[24:28], m.GatewayIPAddr.To4())
	copy(b[offChaddr:offChaddr+16], m.ClientHWAddr)
	copy(b[offSname:offFile-1], m.ServerHostName)
	copy(b[offFile:offCookie-1], m.BootFileName)
	copy(b[offCookie:], magicCookie[:])
}

// encodeOptions returns each option with its code and length, in order of rank.
func encodeOptions(o dhcpv4.Options) [][]byte {
	chunks := make([][]byte, 0, len(o))
	for code, v := range o {
		if code != optPad && code != optEnd {
			chunks = append(chunks, encodeOption(code, v))
		}
	}
	slices.SortFunc(chunks, func(a, b []byte) int {
		return cmp.Or(cmp.Compare(optionRank[a[0]], optionRank[b[0]]), cmp.Compare(a[0], b[0]))
	})
	return chunks
}

func encodeOption(code uint8, v []byte) []byte {
	b := make([]byte, 0, len(v)+2+2*(len(v)/255))
	for {
		n := min(len(v), 255)
		b = append(b, code, byte(n))
		b = append(b, v[:n]...)
		if v = v[n:]; len(v) == 0 {
			return b
		}
	}
}

// overload shares the options out over the options field, which has room
// bytes, and those of the file and sname fields of b that are empty. It returns
// what goes into the options field, option 52 included, and the codes that
// fit nowhere.
func overload(b []byte, m *dhcpv4.DHCPv4, chunks [][]byte, room int) (fit [][]byte, left []uint8) {
	type area struct {
		bit   byte
		field []byte
		used  int
	}
	var areas []*area
	if m.BootFileName == "" {
		areas = append(areas, &area{bit: 1, field: b[offFile:offCookie]})
	}
	if m.ServerHostName == "" {
		areas = append(areas, &area{bit: 2, field: b[offSname:offFile]})
	}
	flag := []byte{optOverload, 1, 0}
	room -= len(flag)
	var last []byte // relay information stays in the options field
	if c := chunks[len(chunks)-1]; c[0] == optRelayInfo && len(c) <= room {
		last, chunks = c, chunks[:len(chunks)-1]
		room -= len(last)
	}
place:
	for _, c := range chunks {
		if len(c) <= room {
			fit = append(fit, c)
			room -= len(c)
			continue
		}
		for _, a := range areas {
			if c[0] != optRelayInfo && a.used+len(c) < len(a.field) {
				a.used += copy(a.field[a.used:], c)
				flag[2] |= a.bit
				continue place
			}
		}
		left = append(left, c[0])
	}
	for _, a := range areas {
		if a.used > 0 {
			a.field[a.used] = optEnd
		}
	}
	if flag[2] != 0 {
		fit = slices.Insert(fit, min(1, len(fit)), flag)
	}
	if last != nil {
		fit = append(fit, last)
	}
	return fit, left
}
