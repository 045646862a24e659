package dhcp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

const (
	discover = dhcpv4.MessageTypeDiscover
	req      = dhcpv4.MessageTypeRequest
	ack      = dhcpv4.MessageTypeAck
	nak      = dhcpv4.MessageTypeNak
	none     = dhcpv4.MessageTypeNone
)

func TestRequestStates(t *testing.T) {
	ours := netip.MustParseAddr("10.81.0.1")
	for _, tt := range []struct {
		name   string
		leased bool // the client has leased 10.81.0.10 before
		mac    int  // of the pool; -1 the machine with a fixed address, -2 a stranger
		dst    netip.Addr
		mods   []dhcpv4.Modifier
		want   dhcpv4.MessageType
	}{
		{"selecting us, fixed", false, -1, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.5"), serverID("10.81.0.1")}, ack},
		{"selecting us by another of our addresses", false, -1, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.5"), serverID("10.80.0.65")}, ack},
		{"selecting us, address only in ciaddr", false, -1, netip.Addr{}, []dhcpv4.Modifier{ciaddr("10.81.0.5"), serverID("10.81.0.1")}, ack},
		{"selecting us, no address at all", false, -1, netip.Addr{}, []dhcpv4.Modifier{serverID("10.81.0.1")}, ack},
		{"selecting us with a foreign address", false, -1, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.6"), serverID("10.81.0.1")}, nak},
		{"selecting another server", false, -1, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.5"), serverID("10.81.0.99")}, none},
		{"selecting us after our restart", false, 0, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.11"), serverID("10.81.0.1")}, ack},
		{"selecting us outside of the pool", false, 0, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.99"), serverID("10.81.0.1")}, nak},
		{"init-reboot, known", true, 0, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.10")}, ack},
		{"init-reboot, known, other address", true, 0, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.11")}, nak},
		{"init-reboot, unknown", false, 0, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.10")}, none},
		{"init-reboot, unknown, wrong network", false, 0, netip.Addr{}, []dhcpv4.Modifier{wants("192.168.1.5")}, nak},
		{"init-reboot, fixed", false, -1, netip.Addr{}, []dhcpv4.Modifier{wants("10.81.0.5")}, ack},
		{"init-reboot, fixed, wrong network", false, -1, netip.Addr{}, []dhcpv4.Modifier{wants("10.99.0.5")}, nak},
		{"init-reboot, stranger", false, -2, netip.Addr{}, []dhcpv4.Modifier{wants("10.99.0.5")}, none},
		{"renewing", true, 0, ours, []dhcpv4.Modifier{ciaddr("10.81.0.10")}, ack},
		{"renewing what we forgot", false, 0, ours, []dhcpv4.Modifier{ciaddr("10.81.0.11")}, ack},
		{"renewing what is not in the pool", false, 0, ours, []dhcpv4.Modifier{ciaddr("10.81.0.200")}, nak},
		{"rebinding", true, 0, netip.AddrFrom4([4]byte{255, 255, 255, 255}), []dhcpv4.Modifier{ciaddr("10.81.0.10")}, ack},
		{"rebinding, unknown", false, 0, netip.AddrFrom4([4]byte{255, 255, 255, 255}), []dhcpv4.Modifier{ciaddr("10.81.0.10")}, none},
		{"rebinding, another's address", true, 0, netip.Addr{}, []dhcpv4.Modifier{ciaddr("10.81.0.12")}, nak},
		{"rebinding, fixed, stale address", false, -1, netip.Addr{}, []dhcpv4.Modifier{ciaddr("10.81.0.77")}, nak},
		{"no address and no server", false, 0, netip.Addr{}, nil, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHandler(t)
			r := request{mac: pcMAC, iface: "br0", kind: req, mods: tt.mods, dst: tt.dst}
			switch tt.mac {
			case 0:
				r.mac = poolMAC(0)
			case -2:
				r.mac = poolMAC(99)
			}
			if tt.leased {
				require.Equal(t, "10.81.0.10", lease(t, h, request{mac: r.mac, iface: "br0"}).String())
			}
			got, to := ask(t, h, r)
			if tt.want == none {
				require.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			require.Equal(t, tt.want, got.MessageType(), got.Message())
			if tt.want == nak {
				require.Equal(t, dhcp.Broadcast, to.Kind)
				require.True(t, got.YourIPAddr.IsUnspecified())
				require.True(t, got.ClientIPAddr.IsUnspecified())
				require.Nil(t, got.Options[51])
			}
		})
	}
}

func TestOfferIsStable(t *testing.T) {
	h := newHandler(t)
	first, _ := ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: discover})
	for i := range 5 {
		again, _ := ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: discover, at: time.Duration(i) * 5 * time.Second})
		require.Equal(t, first.YourIPAddr, again.YourIPAddr)
	}
	other, _ := ask(t, h, request{mac: poolMAC(1), iface: "br0", kind: discover})
	require.NotEqual(t, first.YourIPAddr, other.YourIPAddr)
}

func TestClientIdentifierIsNoIdentity(t *testing.T) {
	h := newHandler(t)
	rom, _ := ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: discover})
	os, _ := ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: discover, mods: []dhcpv4.Modifier{opt(61, "\xff\x00\x01duid")}})
	require.Equal(t, rom.YourIPAddr, os.YourIPAddr, "the OS on the same interface gets the ROM's address")
	require.Equal(t, "\xff\x00\x01duid", string(os.Options[61]), "RFC 6842: echoed")
}

func TestForgetOfferOfChosenOther(t *testing.T) {
	h := newHandler(t)
	for i := range 3 { // fills the pool with offers
		ask(t, h, request{mac: poolMAC(i), iface: "br0", kind: discover})
	}
	full, _ := ask(t, h, request{mac: poolMAC(3), iface: "br0", kind: discover})
	require.Nil(t, full)
	require.EqualValues(t, 1, h.Stats().Exhausted)
	ask(t, h, request{mac: poolMAC(1), iface: "br0", kind: req, mods: []dhcpv4.Modifier{wants("10.81.9.9"), serverID("10.81.0.99")}})
	got, _ := ask(t, h, request{mac: poolMAC(3), iface: "br0", kind: discover})
	require.NotNil(t, got)
	require.Equal(t, "10.81.0.11", got.YourIPAddr.String())
}

func TestInform(t *testing.T) {
	h := newHandler(t)
	r := request{mac: pcMAC, iface: "br0", kind: dhcpv4.MessageTypeInform, mods: []dhcpv4.Modifier{ciaddr("10.81.0.40"), opt(55, "\x01\x03\x33\x3a\x3b")}}
	got, to := ask(t, h, r)
	require.NotNil(t, got)
	require.Equal(t, ack, got.MessageType())
	require.True(t, got.YourIPAddr.IsUnspecified())
	require.Equal(t, "10.81.0.40", got.ClientIPAddr.String())
	require.Equal(t, dhcp.Routed, to.Kind)
	require.Equal(t, "10.81.0.40:68", to.Addr.String())
	for _, code := range []uint8{51, 58, 59} {
		require.NotContains(t, got.Options, code)
	}
	r.mods = []dhcpv4.Modifier{ciaddr("203.0.113.9")}
	got, _ = ask(t, h, r)
	require.Nil(t, got, "an INFORM does not make us send to a third party")
}

func TestDecline(t *testing.T) {
	h := newHandler(t)
	ip := lease(t, h, request{mac: poolMAC(0), iface: "br0"})
	ask(t, h, request{mac: poolMAC(1), iface: "br0", kind: dhcpv4.MessageTypeDecline, mods: []dhcpv4.Modifier{wants(ip.String()), serverID("10.81.0.1")}})
	got, _ := ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: discover})
	require.Equal(t, ip, got.YourIPAddr, "only its own client declines an address")

	ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: dhcpv4.MessageTypeDecline, mods: []dhcpv4.Modifier{wants(ip.String()), serverID("10.81.0.1")}})
	seen := make(map[string]bool)
	for i := range 3 {
		if got, _ := ask(t, h, request{mac: poolMAC(i), iface: "br0", kind: discover, at: time.Minute}); got != nil {
			seen[got.YourIPAddr.String()] = true
		}
	}
	require.Len(t, seen, 2, "two of three addresses are left")
	require.NotContains(t, seen, ip.String())
	got, _ = ask(t, h, request{mac: poolMAC(5), iface: "br0", kind: discover, at: 2 * time.Hour})
	require.NotNil(t, got, "the quarantine ends")
}

func TestRelease(t *testing.T) {
	h := newHandler(t)
	for i := range 3 {
		lease(t, h, request{mac: poolMAC(i), iface: "br0"})
	}
	ask(t, h, request{mac: poolMAC(1), iface: "br0", kind: dhcpv4.MessageTypeRelease, mods: []dhcpv4.Modifier{ciaddr("10.81.0.10"), serverID("10.81.0.1")}})
	got, _ := ask(t, h, request{mac: poolMAC(4), iface: "br0", kind: discover})
	require.Nil(t, got, "another's address cannot be released")
	ask(t, h, request{mac: poolMAC(1), iface: "br0", kind: dhcpv4.MessageTypeRelease, mods: []dhcpv4.Modifier{ciaddr("10.81.0.11"), serverID("10.81.0.1")}})
	got, _ = ask(t, h, request{mac: poolMAC(4), iface: "br0", kind: discover})
	require.NotNil(t, got)
	require.Equal(t, "10.81.0.11", got.YourIPAddr.String())

	ask(t, h, request{mac: pcMAC, iface: "br0", kind: dhcpv4.MessageTypeRelease, mods: []dhcpv4.Modifier{ciaddr("10.81.0.5"), serverID("10.81.0.1")}})
	got, _ = ask(t, h, request{mac: pcMAC, iface: "br0", kind: discover})
	require.Equal(t, "10.81.0.5", got.YourIPAddr.String())
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		mod  dhcpv4.Modifier
	}{
		{"reply", func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply }},
		{"hardware type", func(m *dhcpv4.DHCPv4) { m.HWType = 6 }},
		{"hardware address length", func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = make([]byte, 16) }},
		{"multicast hardware address", func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = []byte{1, 0, 0, 0, 0, 1} }},
		{"hops", func(m *dhcpv4.DHCPv4) { m.HopCount = 17 }},
		{"unknown relay", relayedBy("10.82.0.1")},
		{"server's message type", opt(53, "\x02")},
		{"no message type", func(m *dhcpv4.DHCPv4) { delete(m.Options, 53) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHandler(t)
			require.Empty(t, h.Handle(t.Context(), request{mac: pcMAC, iface: "br0", kind: discover, mods: []dhcpv4.Modifier{tt.mod}}.packet()))
			require.EqualValues(t, 1, h.Stats().Refused)
		})
	}
}
