package dhcp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// reply builds an OFFER or ACK of addr, or without an address the answer to an
// INFORM.
func (x *exchange) reply(kind dhcpv4.MessageType, addr netip.Addr) *dhcpv4.DHCPv4 {
	r := x.blank(kind)
	if kind == dhcpv4.MessageTypeAck {
		r.ClientIPAddr = ipOf(x.ci)
	}
	o := r.Options
	if addr.IsValid() {
		r.YourIPAddr = ipOf(addr)
		seconds := uint32(x.length() / time.Second)
		o[51] = binary.BigEndian.AppendUint32(nil, seconds)
		if x.asked(58) {
			o[58] = binary.BigEndian.AppendUint32(nil, seconds/2)
			o[59] = binary.BigEndian.AppendUint32(nil, uint32(uint64(seconds)*7/8))
		}
	}
	network := x.network()
	mask := net.CIDRMask(network.Bits(), 32)
	o[1] = mask
	if x.asked(28) && network.Bits() < 31 {
		last := ipOf(network.Addr())
		for i := range last {
			last[i] |= ^mask[i]
		}
		o[28] = last
	}
	if x.machine.Gateway.Is4() {
		o[3] = ipOf(x.machine.Gateway)
	}
	for _, a := range x.machine.DNS {
		if a.Is4() {
			o[6] = append(o[6], ipOf(a)...)
		}
	}
	if x.asked(12) && isHostLabel(x.machine.Name) {
		o[12] = []byte(x.machine.Name)
	}
	x.bootInfo(r)
	return r
}

// nak builds a NAK, which has nothing but its reason.
func (x *exchange) nak(why string) *dhcpv4.DHCPv4 {
	r := x.blank(dhcpv4.MessageTypeNak)
	r.Options[56] = []byte(why)
	if x.c.Relay != nil {
		r.SetBroadcast() // the client may not be reachable by its old address
	}
	return r
}

// blank returns a reply with what every reply has. The relay information and
// the client identifier go back byte for byte (RFC 3046 section 2.2, RFC 6842).
func (x *exchange) blank(kind dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	m := x.Msg
	r := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootReply,
		HWType:        m.HWType,
		TransactionID: m.TransactionID,
		Flags:         m.Flags,
		ClientIPAddr:  net.IPv4zero.To4(),
		YourIPAddr:    net.IPv4zero.To4(),
		ServerIPAddr:  net.IPv4zero.To4(),
		GatewayIPAddr: m.GatewayIPAddr,
		ClientHWAddr:  m.ClientHWAddr,
		Options:       make(dhcpv4.Options, 12),
	}
	r.Options[53] = []byte{byte(kind)}
	r.Options[54] = ipOf(x.id)
	for _, code := range []uint8{61, optRelayInfo} {
		if v, ok := m.Options[code]; ok {
			r.Options[code] = v
		}
	}
	return r
}

// action makes r the action that sends it.
func (x *exchange) action(h *Handler, r *dhcpv4.DHCPv4) Action {
	b, left := encode(r, x.size())
	if len(left) > 0 {
		h.Log.Warn("dhcp options left out: the client takes no longer message",
			"machine", x.machine.Name, "options", left, "size", x.size())
	}
	return Action{Reply: r, Payload: b, To: x.dest(r)}
}

// size is the longest message the client takes.
func (x *exchange) size() int {
	if o := x.Msg.Options.Get(dhcpv4.OptionMaximumDHCPMessageSize); len(o) == 2 {
		return min(max(int(binary.BigEndian.Uint16(o))-ipUDPHeader, defaultSize), maxSize)
	}
	return defaultSize
}

// dest says how r travels, RFC 2131 section 4.1.
func (x *exchange) dest(r *dhcpv4.DHCPv4) Dest {
	port := uint16(x.Port)
	if port == 0 {
		port = ServerPort
	}
	d := Dest{From: netip.AddrPortFrom(x.server, port), Peer: x.Src}
	yi := addrOf(r.YourIPAddr)
	switch {
	case x.c.Relay != nil:
		d.Kind, d.Addr = Routed, netip.AddrPortFrom(x.c.Relay.Addr, ServerPort)
	case r.MessageType() != dhcpv4.MessageTypeNak && x.ci.IsValid():
		d.Kind, d.Addr = Routed, netip.AddrPortFrom(x.ci, ClientPort)
	case r.MessageType() == dhcpv4.MessageTypeNak, r.IsBroadcast(), !yi.IsValid():
		d.Kind, d.Addr = Broadcast, netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), ClientPort)
	default:
		d.Kind, d.Addr, d.MAC = Direct, netip.AddrPortFrom(yi, ClientPort), x.c.MAC
	}
	return d
}

// asked reports whether the client's parameter request list has code.
func (x *exchange) asked(code uint8) bool {
	return slices.Contains(x.Msg.Options[55], code)
}

func ipOf(a netip.Addr) net.IP {
	if !a.Is4() {
		return net.IPv4zero.To4()
	}
	b := a.As4()
	return b[:]
}

// isHostLabel reports whether s can be a host name of one label, RFC 1123
// section 2.1.
func isHostLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
