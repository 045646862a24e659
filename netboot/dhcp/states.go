package dhcp

import (
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot"
)

// discover answers a DISCOVER with an OFFER that is good at once.
func (h *Handler) discover(x *exchange) []Action {
	h.counts.discovers.Add(1)
	actions := []Action{{Event: x.event(netboot.Discovered, netip.Addr{})}}
	if x.c.Firmware == netboot.FirmwareUEFIHTTP && x.machine.Boot.Loader(x.c) == "" {
		return actions // it asks again, for PXE
	}
	addr, commit, err := x.offer()
	if err != nil {
		h.counts.exhausted.Add(1)
		h.Log.Error("dhcp cannot offer an address", "machine", x.machine.Name, "mac", x.c.MAC.String(), "err", err)
		return actions
	}
	h.talks.remember(x)
	h.counts.offers.Add(1)
	now, later := h.cures(x, addr)
	actions = append(actions, now...)
	offer := x.action(h, x.reply(dhcpv4.MessageTypeOffer, addr))
	offer.Commit = commit
	offer.Event = x.event(netboot.Offered, addr)
	return append(append(actions, offer), later...)
}

// offer returns the address for the client, and the journal record to wait
// for when it will use it without a REQUEST.
func (x *exchange) offer() (netip.Addr, Commit, error) {
	if x.machine.Addr.IsValid() {
		return x.machine.Addr.Addr(), 0, nil
	}
	return x.leases.offer(x.machine.Pool, x.c, x.taken(), x.length(), x.c.Firmware.SkipsRequest(), x.At)
}

// held returns the address that is the client's already.
func (x *exchange) held() (netip.Addr, bool) {
	if x.machine.Addr.IsValid() {
		return x.machine.Addr.Addr(), true
	}
	return x.leases.held(x.machine.Pool, x.c, x.At)
}

// taken lists addresses that are never a client's.
func (x *exchange) taken() []netip.Addr {
	taken := []netip.Addr{x.server, x.Local, x.machine.Gateway}
	for _, p := range x.Addrs {
		taken = append(taken, p.Addr())
	}
	return append(taken, x.machine.DNS...)
}

// length is how long addresses are leased for.
func (x *exchange) length() time.Duration {
	if x.machine.Lease > 0 {
		return x.machine.Lease
	}
	return netboot.DefaultLease
}

// request answers a REQUEST by the state that its client is in, RFC 2131
// section 4.3.2.
func (h *Handler) request(x *exchange) []Action {
	h.counts.requests.Add(1)
	id := addrOption(x.Msg, dhcpv4.OptionServerIdentifier)
	switch {
	case id.IsValid() && !x.ours(id):
		if !x.machine.Addr.IsValid() { // it chose another server's OFFER
			x.leases.forget(x.machine.Pool, x.c, x.At)
		}
		return nil
	case id.IsValid():
		return h.selecting(x)
	case x.ci.IsValid():
		return h.extending(x)
	case x.want.IsValid():
		return h.rebooting(x)
	}
	h.counts.refused.Add(1)
	return nil
}

// selecting: the client took our OFFER.
func (h *Handler) selecting(x *exchange) []Action {
	want := x.want
	if !want.IsValid() {
		want = x.ci
	}
	if have, ok := x.held(); ok && !want.IsValid() {
		want = have
	}
	// A pool address that nobody has is given even when no OFFER of it is
	// known: it was made before a restart.
	return h.ackOr(x, want, "that address was not offered to you")
}

// extending: the client has an address and wants to keep it, asking the server
// that gave it (RENEWING) or any (REBINDING).
func (h *Handler) extending(x *exchange) []Action {
	_, known := x.held()
	if renewing := x.Dst.IsValid() && x.ours(x.Dst); !known && !renewing {
		return nil // another server's, perhaps
	}
	return h.ackOr(x, x.ci, "that address is not yours")
}

// rebooting (INIT-REBOOT): the client remembers an address from before.
func (h *Handler) rebooting(x *exchange) []Action {
	_, known := x.held()
	switch {
	case !x.network().Contains(x.want):
		return h.nak(x, "that address is of another network")
	case !known:
		return nil // another server's, perhaps
	}
	return h.ackOr(x, x.want, "that address is not yours")
}

// ackOr acknowledges addr, or says no with a reason.
func (h *Handler) ackOr(x *exchange, addr netip.Addr, why string) []Action {
	var commit Commit
	ok := addr.IsValid()
	if x.machine.Addr.IsValid() {
		ok = ok && addr == x.machine.Addr.Addr()
	} else if ok {
		commit, ok = x.leases.ack(x.machine.Pool, x.c, addr, x.length(), x.At)
	}
	if !ok {
		return h.nak(x, why)
	}
	h.counts.acks.Add(1)
	ack := x.action(h, x.reply(dhcpv4.MessageTypeAck, addr))
	ack.Commit = commit
	if x.c.Firmware != netboot.FirmwareOS {
		ack.Event = x.event(netboot.Leased, addr)
		return []Action{ack}
	}
	ack.Event = x.event(netboot.OSLease, addr)
	return append(h.bootDone(x, addr), ack)
}

// nak tells the client to start over.
func (h *Handler) nak(x *exchange, why string) []Action {
	h.counts.naks.Add(1)
	h.Log.Info("dhcp nak", "machine", x.machine.Name, "mac", x.c.MAC.String(), "asked", x.want, "has", x.ci, "why", why)
	return []Action{x.action(h, x.nak(why))}
}

// inform gives configuration to a client that has an address from elsewhere.
// An address outside of the machine's network is not answered: it may be a
// third party's.
func (h *Handler) inform(x *exchange) []Action {
	h.counts.informs.Add(1)
	if !x.ci.IsValid() && x.Src.IsValid() {
		x.ci = addrOf(x.Src.Addr().AsSlice())
	}
	if !x.network().Contains(x.ci) {
		h.counts.refused.Add(1)
		return nil
	}
	return []Action{x.action(h, x.reply(dhcpv4.MessageTypeAck, netip.Addr{}))}
}

// decline: the client found its address in use. The address of a reservation
// is the only one it can have, so a person has to look.
func (h *Handler) decline(x *exchange) {
	h.counts.declines.Add(1)
	if id := addrOption(x.Msg, dhcpv4.OptionServerIdentifier); id.IsValid() && !x.ours(id) {
		return
	}
	if x.machine.Addr.IsValid() {
		if x.want == x.machine.Addr.Addr() {
			h.Log.Error("dhcp reserved address is in use by another host: find it and take it off the network",
				"machine", x.machine.Name, "address", x.want, "mac", x.c.MAC.String(), "interface", x.Interface)
		}
		return
	}
	if x.leases.decline(x.machine.Pool, x.c, x.want, x.At) {
		h.Log.Warn("dhcp address declined, left alone for a while", "machine", x.machine.Name,
			"address", x.want, "mac", x.c.MAC.String(), "for", quarantine)
	}
}

// release frees a pool's address. A reservation stays what it is.
func (h *Handler) release(x *exchange) {
	h.counts.releases.Add(1)
	id := addrOption(x.Msg, dhcpv4.OptionServerIdentifier)
	if x.machine.Addr.IsValid() || id.IsValid() && !x.ours(id) {
		return
	}
	x.leases.release(x.machine.Pool, x.c, x.ci, x.At)
}

// event returns the event that reports kind of this client.
func (x *exchange) event(kind netboot.EventKind, addr netip.Addr) *netboot.Event {
	c := x.c
	if addr.IsValid() {
		c.Addr = addr
	}
	return &netboot.Event{At: x.At, Kind: kind, Machine: x.machine.Name, Client: c, Addr: addr}
}
