package dhcp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

var (
	server = netip.MustParseAddr("10.80.0.65")
	t0     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	piMAC  = net.HardwareAddr{0xb8, 0x27, 0xeb, 0x64, 0x24, 0x7d}
	pcMAC  = net.HardwareAddr{0x52, 0x54, 0, 0x77, 0, 2}
)

// lan is the inventory of a small rack: a Pi alone on its VLAN, machines with a
// pool on a shared network, and one behind a relay.
func lan(t testing.TB) *netboot.Static {
	t.Helper()
	pool := netboot.Pool{First: netip.MustParseAddr("10.81.0.10"), Last: netip.MustParseAddr("10.81.0.12"), Bits: 24}
	rs := []netboot.Reservation{
		{Interface: "pi17", Machine: netboot.Machine{
			Name: "pi17", Addr: netip.MustParsePrefix("10.80.0.66/30"), Gateway: server,
			DNS: []netip.Addr{netip.MustParseAddr("10.80.255.53")},
		}},
		{CircuitID: []byte("port7"), Machine: netboot.Machine{Name: "relayed", Addr: netip.MustParsePrefix("10.82.0.2/24")}},
		{MAC: pcMAC, Machine: netboot.Machine{
			Name: "fixed", Addr: netip.MustParsePrefix("10.81.0.5/24"), Boot: netboot.Boot{HTTP: "http://10.81.0.1:8080"},
		}},
	}
	for i := range 6 {
		rs = append(rs, netboot.Reservation{MAC: poolMAC(i), Machine: netboot.Machine{Name: "pool" + string(rune('a'+i)), Pool: pool, Lease: time.Hour}})
	}
	inv, err := netboot.NewStatic(rs...)
	require.NoError(t, err)
	return inv
}

func poolMAC(i int) net.HardwareAddr { return net.HardwareAddr{0x52, 0x54, 0, 0x99, 0, byte(i)} }

func newHandler(t testing.TB) *dhcp.Handler { return &dhcp.Handler{Inventory: lan(t)} }

// request is a client's message under construction.
type request struct {
	mac   net.HardwareAddr
	kind  dhcpv4.MessageType
	iface string
	at    time.Duration // after t0
	mods  []dhcpv4.Modifier
	dst   netip.Addr
	port  int
	src   netip.AddrPort
}

func (r request) packet() dhcp.Packet {
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet, ClientHWAddr: r.mac,
		TransactionID: dhcpv4.TransactionID{1, 2, 3, 4}, Options: make(dhcpv4.Options),
		ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero,
	}
	m.UpdateOption(dhcpv4.OptMessageType(r.kind))
	for _, mod := range r.mods {
		mod(m)
	}
	p := dhcp.Packet{
		Msg: m, Interface: r.iface, IfIndex: 7, Src: r.src, Dst: r.dst, Port: r.port, At: t0.Add(r.at),
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.80.0.65/30"), netip.MustParsePrefix("10.81.0.1/24")},
	}
	p.Local = p.Addrs[0].Addr()
	return p
}

func opt(code uint8, v string) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(code), []byte(v))
}

func ciaddr(a string) dhcpv4.Modifier { return dhcpv4.WithClientIP(net.ParseIP(a).To4()) }

func wants(a string) dhcpv4.Modifier { return opt(50, string(net.ParseIP(a).To4())) }

func serverID(a string) dhcpv4.Modifier { return opt(54, string(net.ParseIP(a).To4())) }

func relayedBy(a string) dhcpv4.Modifier { return dhcpv4.WithGatewayIP(net.ParseIP(a).To4()) }

// piROM makes the message one of a 3B mask ROM.
func piROM(m *dhcpv4.DHCPv4) {
	m.TransactionID = dhcpv4.TransactionID{0x26, 0xf3, 0x03, 0x39}
	guid := rpi.Identity{Model: rpi.Model3B}.GUID()
	m.UpdateOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00000:UNDI:002001"))
	m.Options[93] = []byte{0, 0}
	m.Options[94] = []byte{1, 2, 1}
	m.Options[97] = append([]byte{0}, guid[:]...)
	m.Options[55] = []byte{1, 3, 43, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135}
}

// replies are the actions that are DHCP replies.
func replies(actions []dhcp.Action) (out []dhcp.Action) {
	for _, a := range actions {
		if a.Payload != nil {
			out = append(out, a)
		}
	}
	return out
}

// ask gives the handler a message and returns its one reply as a client
// decodes it, nil when there is none.
func ask(t testing.TB, h *dhcp.Handler, r request) (*dhcpv4.DHCPv4, dhcp.Dest) {
	t.Helper()
	got := replies(h.Handle(t.Context(), r.packet()))
	if len(got) == 0 {
		return nil, dhcp.Dest{}
	}
	require.Len(t, got, 1)
	m, err := dhcpv4.FromBytes(got[0].Payload)
	require.NoError(t, err)
	return m, got[0].To
}

// lease takes an address the usual way.
func lease(t testing.TB, h *dhcp.Handler, r request) net.IP {
	t.Helper()
	r.kind = dhcpv4.MessageTypeDiscover
	offer, _ := ask(t, h, r)
	require.NotNil(t, offer, "no OFFER")
	r.kind = dhcpv4.MessageTypeRequest
	r.mods = append(r.mods, wants(offer.YourIPAddr.String()), serverID(offer.ServerIdentifier().String()))
	ack, _ := ask(t, h, r)
	require.NotNil(t, ack, "no ACK")
	require.Equal(t, dhcpv4.MessageTypeAck, ack.MessageType())
	require.Equal(t, offer.YourIPAddr, ack.YourIPAddr)
	return ack.YourIPAddr
}
