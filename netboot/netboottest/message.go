package netboottest

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// UDP ports.
const (
	dhcpServerPort = 67
	dhcpClientPort = 68
	tftpPort       = 69
)

var broadcastIP = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// DHCP options, RFC 2132 and RFC 4578.
const (
	optMask        = 1
	optRouter      = 3
	optHostName    = 12
	optVendor      = 43
	optRequestedIP = 50
	optType        = 53
	optServerID    = 54
	optParameters  = 55
	optClass       = 60
	optClientID    = 61
	optTFTPServer  = 66
	optArch        = 93
	optNIC         = 94
	optGUID        = 97
	optEnd         = 255
)

// DHCP message types.
const (
	typeDiscover = 1
	typeOffer    = 2
	typeRequest  = 3
	typeAck      = 5
	typeNak      = 6
)

const (
	bootRequest = 1
	bootReply   = 2
	fixedPart   = 236 // of a BOOTP message
)

var magicCookie = []byte{0x63, 0x82, 0x53, 0x63}

type option struct {
	code byte
	data []byte
}

// message encodes a DHCP message of a client without an address.
func message(xid uint32, mac hwAddr, options ...option) []byte {
	b := make([]byte, fixedPart, 342)
	b[0], b[1], b[2] = bootRequest, 1, 6
	binary.BigEndian.PutUint32(b[4:], xid)
	copy(b[28:], mac[:])
	b = append(b, magicCookie...)
	for _, o := range options {
		b = append(append(b, o.code, byte(len(o.data))), o.data...)
	}
	return append(b, optEnd)
}

// What all Pi firmware says of itself: it claims to be a PC's BIOS.
const piClass = "PXEClient:Arch:00000:UNDI:002001"

// piOptions are those of a DISCOVER. The mask ROM of the 3B does not ask for
// mask and router, which it has no use for.
func piOptions(guid [16]byte, withRouter bool) []option {
	want := []byte{optVendor, optClass, 67, 128, 129, 130, 131, 132, 133, 134, 135, optTFTPServer}
	if withRouter {
		want = append([]byte{optMask, optRouter}, want...)
	}
	return []option{
		{optType, []byte{typeDiscover}},
		{optParameters, want},
		{optArch, []byte{0, 0}},
		{optNIC, []byte{1, 2, 1}}, // UNDI 2.1
		{optGUID, append([]byte{0}, guid[:]...)},
		{optClass, []byte(piClass)},
	}
}

// repeatedGUID is the identifier of bootcode.bin and of early Pi 4 EEPROMs.
func repeatedGUID(serial uint32) [16]byte { return rpi.Identity{Serial: serial}.GUID() }

// reply is a DHCP server's message.
type reply struct {
	kind           byte
	hops           byte
	yiaddr, siaddr netip.Addr
	from           netip.Addr // who sent it
	options        []option   // in their order
}

// parseReply decodes the answer to xid and mac. stopAtPad reads options as
// far as the first pad option only, which early Pi 4 EEPROMs took for the end.
func parseReply(b []byte, xid uint32, mac hwAddr, stopAtPad bool) (reply, error) {
	var r reply
	switch {
	case len(b) < fixedPart+len(magicCookie) || b[0] != bootReply || string(b[fixedPart:][:4]) != string(magicCookie):
		return r, fmt.Errorf("no DHCP reply")
	case binary.BigEndian.Uint32(b[4:]) != xid:
		return r, fmt.Errorf("another transaction")
	case hwAddr(b[28:34]) != mac:
		return r, fmt.Errorf("another machine's hardware address")
	}
	r.hops = b[3]
	r.yiaddr, r.siaddr = netip.AddrFrom4([4]byte(b[16:20])), netip.AddrFrom4([4]byte(b[20:24]))
	r.options = parseOptions(b[fixedPart+len(magicCookie):], stopAtPad)
	if t := r.option(optType); len(t) == 1 {
		r.kind = t[0]
	}
	return r, nil
}

func parseOptions(b []byte, stopAtPad bool) []option {
	var options []option
	for len(b) > 0 && b[0] != optEnd {
		if b[0] == 0 {
			if stopAtPad {
				break
			}
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			break
		}
		n := 2 + int(b[1])
		options = append(options, option{b[0], b[2:n]})
		b = b[n:]
	}
	return options
}

func (r *reply) option(code byte) []byte {
	for _, o := range r.options {
		if o.code == code {
			return o.data
		}
	}
	return nil
}

func (r *reply) addr(code byte) netip.Addr {
	if d := r.option(code); len(d) >= 4 {
		return netip.AddrFrom4([4]byte(d[:4]))
	}
	return netip.Addr{}
}

// network is the reply's address with its mask; a host route without one.
func (r *reply) network() netip.Prefix {
	bits := 32
	if m := r.option(optMask); len(m) == 4 {
		for bits = 0; bits < 32 && m[bits/8]&(0x80>>(bits%8)) != 0; bits++ {
		}
	}
	return netip.PrefixFrom(r.yiaddr, bits)
}
