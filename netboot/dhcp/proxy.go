package dhcp

import (
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot"
)

// proxy answers with boot information only: to a DISCOVER beside the OFFER of
// the DHCP server, and on port 4011 to the client that comes back for it
// (PXE 2.1 section 2.2.3).
func (h *Handler) proxy(x *exchange, kind dhcpv4.MessageType) []Action {
	switch {
	case x.Port == PXEPort && (kind == dhcpv4.MessageTypeRequest || kind == dhcpv4.MessageTypeInform):
		return h.proxyAck(x)
	case x.Port == PXEPort:
		h.counts.refused.Add(1)
		return nil
	case kind == dhcpv4.MessageTypeDiscover:
		return h.proxyOffer(x)
	case kind == dhcpv4.MessageTypeRequest && x.want.IsValid():
		// Meant for the DHCP server, and broadcast: it tells us, who give
		// no address, which one the client is going to read files from.
		x.leases.note(x.c, x.want)
	}
	return nil
}

func (h *Handler) proxyOffer(x *exchange) []Action {
	h.counts.discovers.Add(1)
	actions := []Action{{Event: x.event(netboot.Discovered, netip.Addr{})}}
	if !x.bootsByProxy() {
		return actions
	}
	h.talks.remember(x)
	h.counts.offers.Add(1)
	r := x.blank(dhcpv4.MessageTypeOffer)
	x.bootInfo(r)
	x.proxyClass(r)
	offer := x.action(h, r)
	offer.Event = x.event(netboot.Offered, netip.Addr{})
	return append(actions, offer)
}

// proxyAck goes back to where the request came from, which has an address.
func (h *Handler) proxyAck(x *exchange) []Action {
	h.counts.requests.Add(1)
	if !x.bootsByProxy() || x.c.Relay != nil || !x.Src.IsValid() || x.Src.Addr().IsUnspecified() {
		h.counts.refused.Add(1)
		return nil
	}
	if x.ci.IsValid() && h.ProxyOnly {
		x.leases.note(x.c, x.ci)
	}
	r := x.blank(dhcpv4.MessageTypeAck)
	r.ClientIPAddr = ipOf(x.ci)
	x.bootInfo(r)
	x.proxyClass(r)
	h.counts.acks.Add(1)
	ack := x.action(h, r)
	ack.To.Kind, ack.To.Addr = Routed, x.Src
	return []Action{ack}
}

// bootsByProxy reports whether there is boot information for the client and it
// is one that listens to a proxy.
func (x *exchange) bootsByProxy() bool {
	if x.machine.Boot.Disabled {
		return false
	}
	pxe := strings.HasPrefix(x.c.VendorClass, "PXEClient") || strings.HasPrefix(x.c.VendorClass, "HTTPClient")
	return pxe && (x.c.Firmware.IsPi() || x.machine.Boot.Loader(x.c) != "")
}

// proxyClass sets the option 60 by which a client knows a proxy's reply.
func (x *exchange) proxyClass(r *dhcpv4.DHCPv4) {
	if r.Options[60] == nil {
		r.Options[60] = []byte("PXEClient")
	}
	x.echoGUID(r)
}
