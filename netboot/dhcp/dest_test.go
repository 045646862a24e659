package dhcp_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

var lanPrefix = netip.MustParsePrefix("10.81.0.5/24")

func broadcastFlag(m *dhcpv4.DHCPv4) { m.SetBroadcast() }

// circuit is relay information with the given sub-options.
func circuit(id string, more ...string) dhcpv4.Modifier {
	return opt(82, "\x01"+string(rune(len(id)))+id+strings.Join(more, ""))
}

func TestDestination(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    request
		kind dhcp.DestKind
		addr string
	}{
		{"no address yet", request{mac: pcMAC, kind: discover}, dhcp.Direct, "10.81.0.5:68"},
		{"broadcast bit", request{mac: pcMAC, kind: discover, mods: []dhcpv4.Modifier{broadcastFlag}}, dhcp.Broadcast, "255.255.255.255:68"},
		{"renewing", request{mac: pcMAC, kind: req, mods: []dhcpv4.Modifier{ciaddr("10.81.0.5")}}, dhcp.Routed, "10.81.0.5:68"},
		{"renewing with broadcast bit", request{mac: pcMAC, kind: req, mods: []dhcpv4.Modifier{ciaddr("10.81.0.5"), broadcastFlag}}, dhcp.Routed, "10.81.0.5:68"},
		{"nak", request{mac: pcMAC, kind: req, mods: []dhcpv4.Modifier{ciaddr("10.81.0.6")}}, dhcp.Broadcast, "255.255.255.255:68"},
		{"relay", request{mac: poolMAC(50), kind: discover, mods: []dhcpv4.Modifier{relayedBy("10.82.0.1"), circuit("port7")}}, dhcp.Routed, "10.82.0.1:67"},
		{"nak by relay", request{mac: poolMAC(50), kind: req, mods: []dhcpv4.Modifier{relayedBy("10.82.0.1"), circuit("port7"), wants("10.82.0.9")}}, dhcp.Routed, "10.82.0.1:67"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHandler(t)
			h.Relays = []netip.Prefix{netip.MustParsePrefix("10.82.0.0/16")}
			tt.r.iface = "br0"
			got, to := ask(t, h, tt.r)
			require.NotNil(t, got)
			require.Equal(t, tt.kind, to.Kind, to.Kind.String())
			require.Equal(t, tt.addr, to.Addr.String())
			if tt.kind == dhcp.Direct {
				require.Equal(t, pcMAC, to.MAC)
			}
			if tt.name == "nak by relay" {
				require.Equal(t, nak, got.MessageType())
				require.True(t, got.IsBroadcast(), "the relay is to broadcast it")
			}
		})
	}
}

func TestRelay(t *testing.T) {
	h := newHandler(t)
	h.Relays = []netip.Prefix{netip.MustParsePrefix("10.82.0.0/16"), netip.MustParsePrefix("10.9.0.0/16")}
	from := func(giaddr string, mods ...dhcpv4.Modifier) request {
		return request{mac: poolMAC(50), iface: "br0", kind: discover, mods: append([]dhcpv4.Modifier{relayedBy(giaddr)}, mods...)}
	}
	info := circuit("port7", "\x02\x03sw1", "\x97\x01\x00") // with a sub-option nobody here knows
	got, _ := ask(t, h, from("10.82.0.1", info))
	require.Equal(t, "10.82.0.2", got.YourIPAddr.String(), "found by its switch port")
	require.Equal(t, "\x01\x05port7\x02\x03sw1\x97\x01\x00", string(got.Options[82]), "echoed byte for byte")
	raw := replies(h.Handle(t.Context(), from("10.82.0.1", info).packet()))[0].Payload
	list := codes(t, raw[240:])
	require.Equal(t, []byte{82, 255}, list[len(list)-2:], "and last")

	got, _ = ask(t, h, from("10.9.0.1", circuit("port7")))
	require.Nil(t, got, "another network than the machine's")
	got, _ = ask(t, h, from("10.9.0.1", circuit("port7", "\x05\x04\x0a\x52\x00\x00", "\x0b\x04\x0a\x52\x00\x01")))
	require.Equal(t, "10.82.0.2", got.YourIPAddr.String(), "link selection")
	require.Equal(t, "10.82.0.1", got.ServerIdentifier().String(), "server identifier override")

	got, _ = ask(t, h, request{mac: poolMAC(50), iface: "br0", kind: discover, mods: []dhcpv4.Modifier{circuit("port7")}})
	require.Nil(t, got, "relay information without a relay proves nothing")
}

func TestMessageSize(t *testing.T) {
	long := strings.Repeat("d", 250)
	huge := circuit("port7", "\x02\xf0"+long[:240])
	// 61 is echoed: together with the relay information it does not fit 548 bytes.
	mods := []dhcpv4.Modifier{relayedBy("10.82.0.1"), huge, opt(61, long[:60])}
	h := newHandler(t)
	h.Relays = []netip.Prefix{netip.MustParsePrefix("10.82.0.0/16")}
	r := request{mac: poolMAC(50), iface: "br0", kind: discover, mods: mods}
	sent := replies(h.Handle(t.Context(), r.packet()))[0].Payload
	require.LessOrEqual(t, len(sent), 548)
	m, err := dhcpv4.FromBytes(sent)
	require.NoError(t, err)
	require.Equal(t, []byte{1}, m.Options[52], "overloaded into the file field")
	require.NotContains(t, m.Options, uint8(61))
	require.Contains(t, m.Options, uint8(82))
	require.Equal(t, byte(61), sent[108])
	require.Equal(t, long[:60], string(sent[110:170]))

	r.mods = append(r.mods, opt(57, "\x05\xdc"))
	m, _ = ask(t, h, r)
	require.NotContains(t, m.Options, uint8(52), "it takes 1500 bytes")
	require.Equal(t, long[:60], string(m.Options[61]))
}

func TestServerAddress(t *testing.T) {
	own := netip.MustParseAddr("10.81.0.200")
	inv, err := netboot.NewStatic(netboot.Reservation{MAC: pcMAC, Machine: netboot.Machine{Name: "a", Addr: lanPrefix, Server: own}})
	require.NoError(t, err)
	got, to := ask(t, &dhcp.Handler{Inventory: inv}, request{mac: pcMAC, iface: "br0", kind: discover})
	require.Equal(t, own, to.From.Addr())
	require.Equal(t, own.String(), got.ServerIdentifier().String())

	p := request{mac: pcMAC, iface: "br0", kind: discover}.packet()
	p.Local, p.Addrs = netip.Addr{}, nil
	h := newHandler(t)
	require.Empty(t, replies(h.Handle(t.Context(), p)), "an interface without an address cannot answer")
}
