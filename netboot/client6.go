package netboot

import (
	"net"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Identify6 says who sent a DHCPv6 message, from the packet alone: a
// *dhcpv6.Message, or a *dhcpv6.RelayMessage around one. The hardware address
// is a relay's word for it (RFC 6939), else that of a DUID made from one; it is
// nil when neither tells. It returns false when there is no message inside.
//
// Interface-id (option 18) is the relay's circuit-id.
func Identify6(m dhcpv6.DHCPv6, rx Received) (c Client, ok bool) {
	inner, err := m.GetInnerMessage()
	if err != nil {
		return Client{}, false
	}
	c = Client{Interface: rx.Interface, MAC: macOf(inner.Options.ClientID())}
	if r, is := m.(*dhcpv6.RelayMessage); is {
		c.relayed6(r)
	}
	if archs := inner.Options.ArchTypes(); len(archs) > 0 {
		c.Arch = Arch(archs[0])
	}
	var user []string
	for _, u := range inner.Options.UserClasses() {
		user = append(user, string(u))
	}
	c.UserClass = strings.Join(user, ",")
	for _, v := range inner.Options.VendorClasses() {
		for _, d := range v.Data {
			c.VendorClass = string(d)
		}
	}
	if c.Firmware = firmwareOf(&c); c.Arch == ArchRPi {
		c.Firmware = FirmwarePiEEPROM
		c.Pi = &rpi.Identity{}
	}
	return c, true
}

// relayed6 takes what the relay nearest to the client says, which is the
// innermost.
func (c *Client) relayed6(r *dhcpv6.RelayMessage) {
	for {
		inner, ok := r.Options.RelayMessage().(*dhcpv6.RelayMessage)
		if !ok {
			break
		}
		r = inner
	}
	c.Relay = &Relay{CircuitID: r.Options.InterfaceID()}
	if id := r.Options.RemoteID(); id != nil {
		c.Relay.RemoteID = id.RemoteID
	}
	if a, ok := netip.AddrFromSlice(r.LinkAddr); ok && !a.IsUnspecified() {
		c.Relay.Addr, c.Relay.LinkAddr = a, a
	}
	if _, mac := r.Options.ClientLinkLayerAddress(); len(mac) == 6 {
		c.MAC = mac
	}
}

func macOf(id dhcpv6.DUID) net.HardwareAddr {
	var mac net.HardwareAddr
	switch d := id.(type) {
	case *dhcpv6.DUIDLL:
		mac = d.LinkLayerAddr
	case *dhcpv6.DUIDLLT:
		mac = d.LinkLayerAddr
	}
	if len(mac) != 6 {
		return nil
	}
	return mac
}
