package dhcp6

import (
	"cmp"
	"net"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/mythic-beasts/hostkit/netboot"
)

// uefiEnterprise is the number that UEFI puts into its vendor class (Intel's),
// and wants back with "HTTPClient" (UEFI 2.10 section 24.7.4.2).
const uefiEnterprise = 343

// reply returns an answer of the given type with both identifiers in it.
func (x *exchange) reply(kind dhcpv6.MessageType) *dhcpv6.Message {
	r := &dhcpv6.Message{MessageType: kind, TransactionID: x.m.TransactionID}
	if id := x.m.GetOneOption(dhcpv6.OptionClientID); id != nil {
		r.AddOption(id)
	}
	r.AddOption(dhcpv6.OptServerID(x.serverID))
	return r
}

// lease answers each identity association, and adds the configuration.
func (x *exchange) lease(r *dhcpv6.Message) {
	given := false
	for _, ia := range x.m.Options.IANA() {
		if !x.machine.Addr6.IsValid() || given {
			r.AddOption(refusal(ia))
			continue
		}
		given = true
		r.AddOption(x.grant(ia))
	}
	x.configure(r)
}

// grant gives ia the machine's address, and takes back any other that it says
// it has (RFC 8415 section 18.3.4).
func (x *exchange) grant(ia *dhcpv6.OptIANA) *dhcpv6.OptIANA {
	valid := cmp.Or(x.machine.Lease, netboot.DefaultLease)
	addr := net.IP(x.machine.Addr6.Addr().AsSlice())
	out := &dhcpv6.OptIANA{IaId: ia.IaId, T1: valid / 2, T2: valid * 4 / 5}
	out.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: addr, PreferredLifetime: valid, ValidLifetime: valid})
	if x.m.MessageType == dhcpv6.MessageTypeSolicit {
		return out // what it names there is a wish
	}
	for _, old := range ia.Options.Addresses() {
		if !old.IPv6Addr.Equal(addr) {
			out.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: old.IPv6Addr})
		}
	}
	return out
}

func refusal(ia *dhcpv6.OptIANA) *dhcpv6.OptIANA {
	out := &dhcpv6.OptIANA{IaId: ia.IaId}
	out.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoAddrsAvail, StatusMessage: "no address for this association"})
	return out
}

// configure adds name servers and boot information.
func (x *exchange) configure(r *dhcpv6.Message) {
	var dns []net.IP
	for _, a := range x.machine.DNS {
		if a.Is6() {
			dns = append(dns, a.AsSlice())
		}
	}
	if len(dns) > 0 {
		r.AddOption(dhcpv6.OptDNS(dns...))
	}
	url := x.bootURL()
	if url == "" {
		return
	}
	r.AddOption(dhcpv6.OptBootFileURL(url))
	if x.c.Firmware == netboot.FirmwareUEFIHTTP {
		r.AddOption(&dhcpv6.OptVendorClass{EnterpriseNumber: uefiEnterprise, Data: [][]byte{[]byte("HTTPClient")}})
	}
}

// bootURL returns what the client is to load first, "" for nothing.
func (x *exchange) bootURL() string {
	server := x.server()
	b := x.machine.Boot
	if b.Disabled || !server.IsValid() {
		return ""
	}
	base := "tftp://[" + server.String() + "]/"
	if x.c.Firmware.IsPi() {
		return base // it knows which files to ask for
	}
	b.HTTP = b.HTTP6
	file := b.Loader(x.c)
	if file == "" || strings.Contains(file, "://") {
		return file
	}
	return base + strings.TrimPrefix(file, "/")
}

// server is the address that the machine is served from: its own setting, else
// the interface's in the machine's network, else its first.
func (x *exchange) server() netip.Addr {
	if x.machine.Server6.IsValid() {
		return x.machine.Server6
	}
	var first netip.Addr
	for _, p := range x.Addrs {
		if x.machine.Addr6.Masked().Contains(p.Addr()) {
			return p.Addr()
		}
		if !first.IsValid() && !p.Addr().IsLinkLocalUnicast() {
			first = p.Addr()
		}
	}
	return first
}

// confirm says whether the client's addresses are good on this link, and
// nothing when it names none (RFC 8415 section 18.3.3).
func (x *exchange) confirm() *dhcpv6.Message {
	status := &dhcpv6.OptStatusCode{StatusCode: iana.StatusSuccess}
	named := false
	for _, ia := range x.m.Options.IANA() {
		for _, a := range ia.Options.Addresses() {
			named = true
			addr, _ := netip.AddrFromSlice(a.IPv6Addr)
			if !x.machine.Addr6.IsValid() || !x.machine.Addr6.Masked().Contains(addr) {
				status = &dhcpv6.OptStatusCode{StatusCode: iana.StatusNotOnLink, StatusMessage: "address is of another link"}
			}
		}
	}
	if !named {
		return nil
	}
	r := x.reply(dhcpv6.MessageTypeReply)
	r.AddOption(status)
	return r
}

// done acknowledges what needs nothing done: a machine keeps its address.
func (x *exchange) done() *dhcpv6.Message {
	r := x.reply(dhcpv6.MessageTypeReply)
	r.AddOption(&dhcpv6.OptStatusCode{StatusCode: iana.StatusSuccess})
	return r
}

// wrap puts m into the relays' envelopes that its question came in.
func (x *exchange) wrap(m *dhcpv6.Message) *Reply {
	relay, ok := x.Msg.(*dhcpv6.RelayMessage)
	if !ok {
		return &Reply{Msg: m, To: netip.AddrPortFrom(x.Src.Addr(), ClientPort)}
	}
	out, err := dhcpv6.NewRelayReplFromRelayForw(relay, m)
	if err != nil {
		return nil
	}
	port := x.Src.Port()
	if port == 0 || relay.Options.RelayPort() == nil {
		port = ServerPort // RFC 8357 lets a relay have another
	}
	return &Reply{Msg: out, To: netip.AddrPortFrom(x.Src.Addr(), port)}
}
