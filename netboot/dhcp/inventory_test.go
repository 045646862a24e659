package dhcp_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// oneMachine is an inventory that takes everybody for the same machine.
type oneMachine struct{ m netboot.Machine }

func (o *oneMachine) Lookup(context.Context, netboot.Client) (*netboot.Machine, error) {
	m := o.m
	return &m, nil
}

func TestFileInventory(t *testing.T) {
	h := newHandler(t)
	inv := h.FileInventory()
	ip := netip.MustParseAddr(lease(t, h, request{mac: poolMAC(2), iface: "br0"}).String())
	for _, tt := range []struct {
		name string
		c    netboot.Client
		want string
	}{
		{"leased", netboot.Client{Interface: "br0", Addr: ip}, "poolc"},
		{"leased, borrowed on another interface", netboot.Client{Interface: "br1", Addr: ip}, ""},
		{"alone on its interface", netboot.Client{Interface: "pi17", Addr: netip.MustParseAddr("10.80.0.66")}, "pi17"},
		{"fixed", netboot.Client{Interface: "br0", Addr: netip.MustParseAddr("10.81.0.5")}, "fixed"},
		{"nobody's", netboot.Client{Interface: "br0", Addr: netip.MustParseAddr("10.81.0.11")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := inv.Lookup(t.Context(), tt.c)
			if tt.want == "" {
				require.ErrorIs(t, err, netboot.ErrUnknown)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, m.Name)
		})
	}
	ask(t, h, request{mac: poolMAC(2), iface: "br0", kind: dhcpv4.MessageTypeRelease, mods: []dhcpv4.Modifier{ciaddr(ip.String())}})
	_, err := inv.Lookup(t.Context(), netboot.Client{Interface: "br0", Addr: ip})
	require.ErrorIs(t, err, netboot.ErrUnknown, "a released address is nobody's")
}

func machineWithPool(first, last string) netboot.Machine {
	return netboot.Machine{Name: "any", Pool: netboot.Pool{First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), Bits: 22}}
}
