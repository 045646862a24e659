package dhcp

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/mythic-beasts/hostkit/netboot"
)

// maxHops is how many relay agents a message may have passed, RFC 1542 section
// 4.1.1.
const maxHops = 16

// Handler decides what to answer. Inventory is needed; the zero value of any
// other field means what its comment says. Do not copy or change it once it
// is in use. Its methods may be called from many goroutines.
type Handler struct {
	// Inventory finds the machine that a client is. Clients it does not know
	// get no answer.
	Inventory netboot.Inventory
	// Leases hands out addresses of pools. Nil means in memory.
	Leases *Leases
	// Observer is told of Discovered, Offered, Nudged, Leased and OSLease. Nil
	// means nobody.
	Observer netboot.Observer
	// Log is where the handler and [Serve] log. Nil discards.
	Log *slog.Logger

	// Relays lists the networks that relay agents have their addresses
	// (giaddr) in. Empty means that no relay agent is believed: whoever can
	// pose as one can take another machine's place.
	Relays []netip.Prefix
	// ProxyOnly gives boot information beside another DHCP server, which gives
	// the addresses. False means that this is the DHCP server.
	ProxyOnly bool
	// NoNudge switches the wake-up frames for the 3B mask ROM off.
	NoNudge bool
	// NoPin switches the pinning of neighbour entries off.
	NoPin bool

	once   sync.Once
	counts counters
	boots  boots
	talks  talks
}

// exchange is one packet with all that is known about it.
type exchange struct {
	Packet
	c       netboot.Client
	machine *netboot.Machine
	server  netip.Addr // our address towards this client
	id      netip.Addr // server identifier, option 54
	want    netip.Addr // address asked for, option 50
	ci      netip.Addr // ciaddr
	leases  *Leases
}

func (h *Handler) init() {
	h.once.Do(func() {
		if h.Log == nil {
			h.Log = slog.New(slog.DiscardHandler)
		}
		if h.Leases == nil {
			h.Leases = new(Leases)
		}
	})
}

// Handle returns what to do about p, in order. It blocks only as long as the
// inventory's Lookup does; the same packets in the same order, with the same
// times, give the same actions. p.Msg is not changed, and shares memory with
// what is returned.
func (h *Handler) Handle(ctx context.Context, p Packet) []Action {
	h.init()
	h.counts.received.Add(1)
	if why := h.refuse(p); why != "" {
		h.counts.refused.Add(1)
		h.Log.Debug("dhcp packet refused", "interface", p.Interface, "why", why)
		return nil
	}
	x, ok := h.exchange(ctx, p)
	if !ok {
		return nil
	}
	kind := p.Msg.MessageType()
	h.Log.Debug("dhcp packet", "type", kind.String(), "machine", x.machine.Name, "mac", x.c.MAC.String(),
		"interface", p.Interface, "firmware", x.c.Firmware.String(), "class", x.c.VendorClass)
	if h.ProxyOnly || p.Port == PXEPort {
		return h.proxy(x, kind)
	}
	switch kind {
	case dhcpv4.MessageTypeDiscover:
		return h.discover(x)
	case dhcpv4.MessageTypeRequest:
		return h.request(x)
	case dhcpv4.MessageTypeInform:
		return h.inform(x)
	case dhcpv4.MessageTypeDecline:
		h.decline(x)
	case dhcpv4.MessageTypeRelease:
		h.release(x)
	}
	return nil
}

// refuse says why p gets no answer whoever sent it, or "".
func (h *Handler) refuse(p Packet) string {
	m := p.Msg
	gateway := addrOf(m.GatewayIPAddr)
	switch {
	case m.OpCode != dhcpv4.OpcodeBootRequest:
		return "not a request"
	case m.HWType != iana.HWTypeEthernet || len(m.ClientHWAddr) != 6:
		return "not Ethernet"
	case m.ClientHWAddr[0]&1 != 0 || macAddr(m.ClientHWAddr) == macAddr{}:
		return "hardware address is not one machine's"
	case m.HopCount > maxHops:
		return "too many hops"
	case gateway.IsValid() && !h.relayKnown(gateway):
		return "unknown relay agent"
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform,
		dhcpv4.MessageTypeDecline, dhcpv4.MessageTypeRelease:
		return ""
	}
	return "no message type that a client sends"
}

func (h *Handler) relayKnown(a netip.Addr) bool {
	for _, p := range h.Relays {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// exchange identifies the client and finds its machine. It returns false when
// there is no answer to give.
func (h *Handler) exchange(ctx context.Context, p Packet) (*exchange, bool) {
	x := &exchange{Packet: p, leases: h.Leases}
	x.c = h.talks.identify(p, netboot.Identify(p.Msg, netboot.Received{Interface: p.Interface}))
	m, err := h.Inventory.Lookup(ctx, x.c)
	if err != nil {
		h.counts.unknown.Add(1)
		if !errors.Is(err, netboot.ErrUnknown) {
			h.Log.Warn("dhcp inventory lookup failed", "mac", x.c.MAC.String(), "interface", p.Interface, "err", err)
		}
		return nil, false
	}
	x.machine = m
	if !m.Addr.IsValid() && !m.Pool.IsValid() {
		h.counts.refused.Add(1)
		h.Log.Warn("dhcp machine has neither an address nor a pool", "machine", m.Name)
		return nil, false
	}
	x.ci = addrOf(p.Msg.ClientIPAddr)
	x.want = addrOption(p.Msg, dhcpv4.OptionRequestedIPAddress)
	x.server = x.serverAddr()
	if !x.server.Is4() {
		h.counts.refused.Add(1)
		h.Log.Warn("dhcp has no address to answer from; give the interface one or set the machine's Server",
			"machine", m.Name, "interface", p.Interface)
		return nil, false
	}
	x.id = x.server
	if x.c.Relay == nil {
		return x, true
	}
	if x.c.Relay.ServerIDOvr.IsValid() {
		x.id = x.c.Relay.ServerIDOvr
	}
	if link := x.link(); !x.network().Contains(link) {
		h.counts.refused.Add(1)
		h.Log.Warn("dhcp client is relayed from another network than its machine's",
			"machine", m.Name, "network", x.network(), "link", link)
		return nil, false
	}
	return x, true
}

// link is an address on the relayed client's network: RFC 3527 when the relay
// says so, else the relay's own.
func (x *exchange) link() netip.Addr {
	if a := x.c.Relay.LinkAddr; a.IsValid() {
		return a
	}
	return x.c.Relay.Addr
}

// network is the one that the machine's address is in.
func (x *exchange) network() netip.Prefix {
	if x.machine.Addr.IsValid() {
		return x.machine.Addr.Masked()
	}
	return netip.PrefixFrom(x.machine.Pool.First, x.machine.Pool.Bits).Masked()
}

// serverAddr is the address the machine is served from: its own setting, else
// the interface's address in the machine's network, else the interface's.
func (x *exchange) serverAddr() netip.Addr {
	if x.machine.Server.IsValid() {
		return x.machine.Server
	}
	for _, p := range x.Addrs {
		if x.network().Contains(p.Addr()) {
			return p.Addr()
		}
	}
	return x.Local
}

// ours reports whether a server identifier is one of this server's.
func (x *exchange) ours(id netip.Addr) bool {
	if id == x.id || id == x.server || id == x.Local {
		return true
	}
	for _, p := range x.Addrs {
		if p.Addr() == id {
			return true
		}
	}
	return false
}

// addrOf returns b's address, zero when there is none or it is 0.0.0.0.
func addrOf(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	if a = a.Unmap(); !a.Is4() || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func addrOption(m *dhcpv4.DHCPv4, code dhcpv4.OptionCode) netip.Addr {
	if b := m.Options.Get(code); len(b) == 4 {
		return addrOf(b)
	}
	return netip.Addr{}
}
