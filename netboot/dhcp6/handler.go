package dhcp6

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/mythic-beasts/hostkit/netboot"
)

// maxHops is the HOP_COUNT_LIMIT of RFC 8415 section 7.6.
const maxHops = 8

// Handler decides what to answer. Inventory is needed; the zero value of any
// other field means what its comment says. Its methods may be called from many
// goroutines; do not change it once it is in use.
type Handler struct {
	// Inventory finds the machine that a client is. Clients it does not know
	// get no answer.
	Inventory netboot.Inventory
	// Observer is told of Discovered, Offered, Leased and OSLease. Nil means
	// nobody.
	Observer netboot.Observer
	// Log is where the handler and [Serve] log. Nil discards.
	Log *slog.Logger
	// Relays lists the networks that relay agents send from. Empty means that
	// no relay agent is believed.
	Relays []netip.Prefix
	// ServerID is the DUID that this server goes by. Nil means one made from
	// the hardware address of the interface that a packet came in on.
	ServerID dhcpv6.DUID
}

// exchange is one message with all that is known about it.
type exchange struct {
	Packet
	m        *dhcpv6.Message
	c        netboot.Client
	machine  *netboot.Machine
	serverID dhcpv6.DUID
}

// Handle returns the answer to p, nil for none. It blocks only as long as the
// inventory's Lookup does, and shares memory with p.
func (h *Handler) Handle(ctx context.Context, p Packet) *Reply {
	m, err := p.Msg.GetInnerMessage()
	if err != nil {
		return nil
	}
	x := &exchange{Packet: p, m: m, serverID: h.serverID(p)}
	if why := h.refuse(x); why != "" {
		h.log().Debug("dhcp6 packet refused", "interface", p.Interface, "why", why)
		return nil
	}
	x.c, _ = netboot.Identify6(p.Msg, netboot.Received{Interface: p.Interface})
	x.machine, err = h.Inventory.Lookup(ctx, x.c)
	if err != nil {
		if !errors.Is(err, netboot.ErrUnknown) {
			h.log().Warn("dhcp6 inventory lookup failed", "mac", x.c.MAC.String(), "interface", p.Interface, "err", err)
		}
		return nil
	}
	answer := h.answer(x)
	if answer == nil {
		return nil
	}
	return x.wrap(answer)
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

func (h *Handler) serverID(p Packet) dhcpv6.DUID {
	if h.ServerID != nil {
		return h.ServerID
	}
	return &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: p.MAC}
}

// refuse says why x gets no answer whoever sent it, or "": the validation of
// RFC 8415 section 16.
func (h *Handler) refuse(x *exchange) string {
	if r, ok := x.Msg.(*dhcpv6.RelayMessage); ok {
		switch {
		case r.MessageType != dhcpv6.MessageTypeRelayForward:
			return "not a relayed request"
		case r.HopCount >= maxHops:
			return "too many hops"
		case !slices.ContainsFunc(h.Relays, func(n netip.Prefix) bool { return n.Contains(x.Src.Addr().WithZone("")) }):
			return "unknown relay agent"
		}
	} else if !x.Multicast {
		return "sent to this server's own address"
	}
	o := x.m.Options
	mine := o.ServerID() != nil && o.ServerID().Equal(x.serverID)
	switch x.m.MessageType {
	case dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeRebind:
		if o.ClientID() == nil || o.ServerID() != nil {
			return "client or server identifier amiss"
		}
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		if o.ClientID() == nil || !mine {
			return "meant for another server"
		}
	case dhcpv6.MessageTypeInformationRequest:
		if o.ServerID() != nil && !mine || len(o.IANA()) > 0 {
			return "meant for another server, or asks for an address"
		}
	default:
		return "no message that a client sends"
	}
	return ""
}

// answer returns the message that answers x, nil for none.
func (h *Handler) answer(x *exchange) *dhcpv6.Message {
	switch x.m.MessageType {
	case dhcpv6.MessageTypeSolicit:
		h.tell(x, netboot.Discovered)
		if x.m.GetOneOption(dhcpv6.OptionRapidCommit) != nil {
			r := x.reply(dhcpv6.MessageTypeReply)
			dhcpv6.WithRapidCommit(r)
			x.lease(r)
			h.leased(x)
			return r
		}
		r := x.reply(dhcpv6.MessageTypeAdvertise)
		x.lease(r)
		h.tell(x, netboot.Offered)
		return r
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind:
		r := x.reply(dhcpv6.MessageTypeReply)
		x.lease(r)
		h.leased(x)
		return r
	case dhcpv6.MessageTypeConfirm:
		return x.confirm()
	case dhcpv6.MessageTypeDecline:
		h.log().Warn("dhcp6 machine declines its address: another host has it", "machine", x.machine.Name, "address", x.machine.Addr6)
		return x.done()
	case dhcpv6.MessageTypeRelease:
		return x.done()
	}
	r := x.reply(dhcpv6.MessageTypeReply) // INFORMATION-REQUEST
	x.configure(r)
	return r
}

// leased tells that an address was acknowledged, if there was one to give.
func (h *Handler) leased(x *exchange) {
	switch {
	case !x.machine.Addr6.IsValid():
	case x.c.Firmware == netboot.FirmwareOS:
		h.tell(x, netboot.OSLease)
	default:
		h.tell(x, netboot.Leased)
	}
}

func (h *Handler) tell(x *exchange, kind netboot.EventKind) {
	if h.Observer == nil {
		return
	}
	e := netboot.Event{At: x.At, Kind: kind, Machine: x.machine.Name, Client: x.c}
	if kind != netboot.Discovered {
		e.Addr = x.machine.Addr6.Addr()
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	h.Observer.Observe(e)
}
