package dhcp_test

import (
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
)

func TestProxy(t *testing.T) {
	uefi := class(7, "PXEClient:Arch:00007:UNDI:003016", "")
	src := netip.MustParseAddrPort("10.81.0.200:68")
	for _, tt := range []struct {
		name string
		r    request
		want dhcpv4.MessageType
		file string
		to   string
	}{
		{"discover", request{kind: discover, mods: []dhcpv4.Modifier{uefi}}, dhcpv4.MessageTypeOffer, "snponly.efi", "255.255.255.255:68"},
		{"discover of an OS", request{kind: discover}, none, "", ""},
		{"request for the DHCP server", request{kind: req, mods: []dhcpv4.Modifier{uefi, wants("10.81.0.200"), serverID("10.81.0.9")}}, none, "", ""},
		{"request that we would refuse", request{kind: req, mods: []dhcpv4.Modifier{wants("192.168.7.7")}}, none, "", ""},
		{"4011 request", request{kind: req, port: dhcp.PXEPort, src: src, mods: []dhcpv4.Modifier{uefi, ciaddr("10.81.0.200")}}, ack, "snponly.efi", "10.81.0.200:68"},
		{"4011 inform", request{kind: dhcpv4.MessageTypeInform, port: dhcp.PXEPort, src: src, mods: []dhcpv4.Modifier{uefi, ciaddr("10.81.0.200")}}, ack, "snponly.efi", "10.81.0.200:68"},
		{"4011 discover", request{kind: discover, port: dhcp.PXEPort, src: src, mods: []dhcpv4.Modifier{uefi}}, none, "", ""},
		{"4011 of an OS", request{kind: req, port: dhcp.PXEPort, src: src, mods: []dhcpv4.Modifier{ciaddr("10.81.0.200")}}, none, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHandler(t)
			h.ProxyOnly = true
			tt.r.mac, tt.r.iface = pcMAC, "br0"
			got, to := ask(t, h, tt.r)
			if tt.want == none {
				require.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			require.Equal(t, tt.want, got.MessageType())
			require.True(t, got.YourIPAddr.IsUnspecified(), "a proxy gives no address")
			require.NotContains(t, got.Options, uint8(51))
			require.Equal(t, "PXEClient", got.ClassIdentifier())
			require.Equal(t, tt.file, got.BootFileName)
			require.Equal(t, "10.81.0.1", got.ServerIPAddr.String())
			require.Equal(t, tt.to, to.Addr.String())
		})
	}
}

// The proxy learns from the REQUEST to the other server who reads files from
// which address.
func TestProxyFileInventory(t *testing.T) {
	h := newHandler(t)
	h.ProxyOnly = true
	ask(t, h, request{mac: poolMAC(1), iface: "br0", kind: req, mods: []dhcpv4.Modifier{wants("10.81.0.200"), serverID("10.81.0.9")}})
	m, err := h.FileInventory().Lookup(t.Context(), netboot.Client{Interface: "br0", Addr: netip.MustParseAddr("10.81.0.200")})
	require.NoError(t, err)
	require.Equal(t, "poolb", m.Name)
}

func TestProxyPi(t *testing.T) {
	h := newHandler(t)
	h.ProxyOnly = true
	got, _ := ask(t, h, romDiscover)
	require.Contains(t, string(got.Options[43]), "Raspberry Pi Boot   ")
	require.True(t, got.YourIPAddr.IsUnspecified())
}
