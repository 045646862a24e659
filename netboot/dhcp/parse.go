package dhcp

import (
	"bytes"
	"errors"
	"fmt"
	"net"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Offsets in the fixed part of a message, RFC 2131 figure 1.
const (
	offChaddr  = 28
	offSname   = 44
	offFile    = 108
	offCookie  = 236
	offOptions = 240
)

const (
	optPad      = 0
	optOverload = 52
	optEnd      = 255
)

var magicCookie = [4]byte{99, 130, 83, 99}

// ErrNotRequest is returned by [Parse] for a reply: another server's, or our
// own coming back. Answering one makes two servers talk for ever.
var ErrNotRequest = errors.New("dhcp: not a request")

// Parse decodes a client's or relay's message. Beside [ErrNotRequest] it
// refuses what is not from an Ethernet client, has no magic cookie, or has an
// option that runs past the end. It accepts a missing END option, decodes
// option overload (52), and joins the parts of split options (RFC 3396).
// The result shares no memory with b.
func Parse(b []byte) (*dhcpv4.DHCPv4, error) {
	switch {
	case len(b) < offOptions:
		return nil, fmt.Errorf("dhcp: message of %d bytes is shorter than the header", len(b))
	case dhcpv4.OpcodeType(b[0]) != dhcpv4.OpcodeBootRequest:
		return nil, ErrNotRequest
	case iana.HWType(b[1]) != iana.HWTypeEthernet || b[2] != 6:
		return nil, fmt.Errorf("dhcp: hardware type %d with addresses of %d bytes is not Ethernet", b[1], b[2])
	case [4]byte(b[offCookie:]) != magicCookie:
		return nil, errors.New("dhcp: no magic cookie: BOOTP without options")
	}
	b = bytes.Clone(b)
	ip := func(i int) net.IP { return net.IP(b[i : i+4 : i+4]) }
	m := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootRequest,
		HWType:        iana.HWTypeEthernet,
		HopCount:      b[3],
		TransactionID: dhcpv4.TransactionID(b[4:8]),
		NumSeconds:    uint16(b[8])<<8 | uint16(b[9]),
		Flags:         uint16(b[10])<<8 | uint16(b[11]),
		ClientIPAddr:  ip(12),
		YourIPAddr:    ip(16),
		ServerIPAddr:  ip(20),
		GatewayIPAddr: ip(24),
		ClientHWAddr:  net.HardwareAddr(b[offChaddr : offChaddr+6 : offChaddr+6]),
		Options:       make(dhcpv4.Options, 12),
	}
	if err := parseOptions(m.Options, b[offOptions:]); err != nil {
		return nil, err
	}
	return m, parseOverloaded(m, b)
}

// parseOverloaded reads sname and file, as names or as more options.
func parseOverloaded(m *dhcpv4.DHCPv4, b []byte) error {
	var overload byte
	if o := m.Options[optOverload]; len(o) == 1 {
		overload = o[0]
	}
	delete(m.Options, optOverload)
	file, sname := b[offFile:offCookie], b[offSname:offFile]
	if overload&1 == 0 {
		m.BootFileName = cString(file)
	} else if err := parseOptions(m.Options, file); err != nil {
		return err
	}
	if overload&2 == 0 {
		m.ServerHostName = cString(sname)
	} else if err := parseOptions(m.Options, sname); err != nil {
		return err
	}
	return nil
}

// parseOptions adds the options in b to o. Values are parts of b, with their
// capacity cut so that joining a second part copies.
func parseOptions(o dhcpv4.Options, b []byte) error {
	for len(b) > 0 {
		switch b[0] {
		case optPad:
			b = b[1:]
			continue
		case optEnd:
			return nil
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return fmt.Errorf("dhcp: option %d runs past the end", b[0])
		}
		n := 2 + int(b[1])
		if have, ok := o[b[0]]; ok {
			o[b[0]] = append(have, b[2:n]...)
		} else {
			o[b[0]] = b[2:n:n]
		}
		b = b[n:]
	}
	return nil
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
