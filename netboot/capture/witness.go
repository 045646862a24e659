package capture

import (
	"net"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// witness sees every frame once and keeps what it says about each client.
type witness struct {
	clients map[[6]byte]*client
	byAddr  map[netip.Addr]*client
	bpdus   int
}

// client is a boot while it is watched.
type client struct {
	Boot
	servers  map[netip.Addr]bool // that sent an OFFER
	transfer *transfer           // the latest
}

func newWitness() *witness {
	return &witness{clients: make(map[[6]byte]*client), byAddr: make(map[netip.Addr]*client)}
}

func (w *witness) frame(at time.Time, data []byte) {
	p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	if p.Layer(layers.LayerTypeSTP) != nil {
		w.bpdus++
		return
	}
	if arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok {
		w.arp(at, arp)
		return
	}
	ip, ok := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	if !ok {
		return
	}
	src, _ := netip.AddrFromSlice(ip.SrcIP)
	dst, _ := netip.AddrFromSlice(ip.DstIP)
	if ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset != 0 {
		if c := w.byAddr[dst]; c != nil {
			c.Evidence.Fragments++
		}
	}
	udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if !ok {
		return
	}
	from := netip.AddrPortFrom(src, uint16(udp.SrcPort))
	to := netip.AddrPortFrom(dst, uint16(udp.DstPort))
	switch {
	case isDHCP(from.Port()) || isDHCP(to.Port()):
		w.dhcp(at, src, udp.Payload)
	case to.Port() == 69:
		w.request(at, from, udp.Payload)
	default:
		w.tftp(at, from, to, udp.Payload)
	}
}

func isDHCP(port uint16) bool { return port == 67 || port == 68 || port == 4011 }

func (w *witness) of(mac net.HardwareAddr) *client {
	if len(mac) != 6 {
		return nil
	}
	key := [6]byte(mac)
	c := w.clients[key]
	if c == nil && len(w.clients) < maxClients {
		c = &client{Boot: Boot{MAC: append(net.HardwareAddr{}, mac...)}, servers: make(map[netip.Addr]bool)}
		w.clients[key] = c
	}
	return c
}

func (w *witness) dhcp(at time.Time, src netip.Addr, payload []byte) {
	m, err := dhcpv4.FromBytes(payload)
	if err != nil {
		return
	}
	c := w.of(m.ClientHWAddr)
	if c == nil {
		return
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		c.discover(at, m)
	case dhcpv4.MessageTypeOffer:
		c.offer(at, src, m, payload)
		w.remember(c, m.YourIPAddr)
	case dhcpv4.MessageTypeAck:
		w.remember(c, m.YourIPAddr)
		c.line(at, "ACK from %s for %s", src, m.YourIPAddr)
	case dhcpv4.MessageTypeNak:
		c.line(at, "NAK from %s", src)
	case dhcpv4.MessageTypeRequest:
		c.line(at, "REQUEST")
	}
}

func (w *witness) remember(c *client, ip net.IP) {
	if a, ok := netip.AddrFromSlice(ip.To4()); ok && !a.IsUnspecified() {
		w.byAddr[a] = c
		c.Client.Addr = a
	}
}

func (c *client) discover(at time.Time, m *dhcpv4.DHCPv4) {
	addr := c.Client.Addr
	c.Client = netboot.Identify(m, netboot.Received{})
	if !c.Client.Addr.IsValid() {
		c.Client.Addr = addr
	}
	c.Evidence.Firmware = c.Client.Firmware
	c.Evidence.Discovers++
	if c.transfer != nil && c.transfer.done {
		c.Evidence.StuckFile = ""
	}
	c.line(at, "DISCOVER number %d from %s", c.Evidence.Discovers, c.Client.Firmware)
}

func (c *client) offer(at time.Time, src netip.Addr, m *dhcpv4.DHCPv4, payload []byte) {
	e := &c.Evidence
	e.Offers++
	e.OfferSeen = true
	if menu := rpi.BootMenuText(m.Options.Get(dhcpv4.OptionVendorSpecificInformation)); menu != "" || len(c.servers) == 0 {
		e.MenuText = menu
	}
	name, err := netip.ParseAddr(m.TFTPServerName())
	e.ServerName = e.ServerName || err == nil && name.Is4()
	next, ok := netip.AddrFromSlice(m.ServerIPAddr.To4())
	e.NextServer = ok && !next.IsUnspecified() && next != src
	e.PadOption = e.PadOption || padInside(payload)
	c.servers[src] = true
	e.OtherServers = len(c.servers) - 1
	c.line(at, "OFFER from %s of %s, boot menu %q", src, m.YourIPAddr, e.MenuText)
}

// padInside reports whether a DHCP packet has a pad option before its end.
func padInside(payload []byte) bool {
	const options = 240 // fixed fields and magic cookie
	for b := payload[min(options, len(payload)):]; len(b) > 0 && b[0] != 255; {
		if b[0] == 0 {
			return true
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return false
		}
		b = b[2+int(b[1]):]
	}
	return false
}

func (w *witness) arp(at time.Time, a *layers.ARP) {
	sender, _ := netip.AddrFromSlice(a.SourceProtAddress)
	if c := w.byAddr[sender]; c != nil && a.Operation == layers.ARPReply {
		c.Evidence.MuteARP = 0
		return
	}
	target, _ := netip.AddrFromSlice(a.DstProtAddress)
	c := w.byAddr[target]
	if c == nil || a.Operation != layers.ARPRequest || c.transfer == nil || c.transfer.done {
		return
	}
	c.Evidence.MuteARP++
	if c.Evidence.MuteARP == 1 {
		c.line(at, "%s asks by ARP for %s, while it loads %q", sender, target, c.transfer.name)
	}
}

// boots closes the case: what is still open is evidence.
func (w *witness) boots() []Boot {
	var out []Boot
	for _, c := range w.clients {
		e := &c.Evidence
		if e.Discovers == 0 && e.Requests == 0 {
			continue
		}
		e.BPDUs = w.bpdus
		if t := c.transfer; t != nil && !t.done {
			e.StuckFile, e.StuckBytes = t.name, t.bytes
		}
		if !c.healthy() {
			c.Diagnosis = netboot.Diagnose(*e)
		}
		out = append(out, c.Boot)
	}
	sortBoots(out)
	return out
}

// healthy reports whether the recording ends with nothing wrong to be seen.
func (c *client) healthy() bool {
	e := c.Evidence
	return e.KernelOK && e.StuckFile == ""
}
