package netboot_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

var (
	macA = net.HardwareAddr{0xb8, 0x27, 0xeb, 0, 0, 1}
	macB = net.HardwareAddr{0xb8, 0x27, 0xeb, 0, 0, 2}
)

func machine(name, addr string) netboot.Machine {
	return netboot.Machine{Name: name, Addr: netip.MustParsePrefix(addr)}
}

func TestStaticPrecedence(t *testing.T) {
	inv, err := netboot.NewStatic(
		netboot.Reservation{MAC: macA, Machine: machine("by-mac", "10.0.0.1/24")},
		netboot.Reservation{Serial: 0x1234, Machine: machine("by-serial", "10.0.0.2/24")},
		netboot.Reservation{CircuitID: []byte("ge-0/0/7"), Machine: machine("by-circuit", "10.0.0.3/24")},
		netboot.Reservation{Interface: "eth0.17", Machine: machine("by-interface", "10.0.0.4/24")},
	)
	require.NoError(t, err)
	relay := &netboot.Relay{Addr: netip.MustParseAddr("10.0.0.254"), CircuitID: []byte("ge-0/0/7")}
	pi := &rpi.Identity{Serial: 0x1234}
	tests := []struct {
		name   string
		client netboot.Client
		want   string // "" means unknown
	}{
		{"all four", netboot.Client{Interface: "eth0.17", Relay: relay, Pi: pi, MAC: macA}, "by-interface"},
		{"without interface", netboot.Client{Interface: "eth0", Relay: relay, Pi: pi, MAC: macA}, "by-circuit"},
		{"without relay", netboot.Client{Interface: "eth0", Pi: pi, MAC: macA}, "by-serial"},
		{"mac alone", netboot.Client{Interface: "eth0", MAC: macA}, "by-mac"},
		{"unknown mac", netboot.Client{Interface: "eth0", MAC: macB}, ""},
		{"file request by address", netboot.Client{Interface: "eth0", Addr: netip.MustParseAddr("10.0.0.2")}, "by-serial"},
		{"unknown mac that borrows an address", netboot.Client{Interface: "eth0", MAC: macB, Addr: netip.MustParseAddr("10.0.0.1")}, ""},
		{"address of a machine alone on another interface", netboot.Client{Interface: "eth0", Addr: netip.MustParseAddr("10.0.0.4")}, ""},
		{"nothing known", netboot.Client{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := inv.Lookup(t.Context(), tt.client)
			if tt.want == "" {
				require.ErrorIs(t, err, netboot.ErrUnknown)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, m.Name)
		})
	}
	require.Len(t, inv.Machines(), 4)
}

func TestNewStaticRefuses(t *testing.T) {
	tests := []struct {
		name string
		rs   []netboot.Reservation
		want string
	}{
		{"no key", []netboot.Reservation{{Machine: machine("a", "10.0.0.1/24")}}, "exactly one of"},
		{"two keys", []netboot.Reservation{{MAC: macA, Serial: 1, Machine: machine("a", "10.0.0.1/24")}}, "exactly one of"},
		{"no name", []netboot.Reservation{{MAC: macA, Machine: machine("", "10.0.0.1/24")}}, "Name is empty"},
		{"no address", []netboot.Reservation{{MAC: macA, Machine: netboot.Machine{Name: "a"}}}, "neither Addr nor"},
		{"IPv6 address", []netboot.Reservation{{MAC: macA, Machine: machine("a", "fd00::1/64")}}, "not an IPv4 address"},
		{"short MAC", []netboot.Reservation{{MAC: macA[:5], Machine: machine("a", "10.0.0.1/24")}}, "not an Ethernet address"},
		{"same MAC", []netboot.Reservation{
			{MAC: macA, Machine: machine("a", "10.0.0.1/24")},
			{MAC: macA, Machine: machine("b", "10.0.0.2/24")},
		}, `already machine "a"`},
		{"same address", []netboot.Reservation{
			{MAC: macA, Machine: machine("a", "10.0.0.1/24")},
			{MAC: macB, Machine: machine("b", "10.0.0.1/24")},
		}, "10.0.0.1 is already"},
		{"same name", []netboot.Reservation{
			{MAC: macA, Machine: machine("a", "10.0.0.1/24")},
			{MAC: macB, Machine: machine("a", "10.0.0.2/24")},
		}, `name "a" is taken`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := netboot.NewStatic(tt.rs...)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestStaticSameAddressOnPrivateVLANs(t *testing.T) {
	inv, err := netboot.NewStatic(
		netboot.Reservation{Interface: "eth0.17", Machine: machine("a", "10.0.0.2/30")},
		netboot.Reservation{Interface: "eth0.18", Machine: machine("b", "10.0.0.2/30")},
	)
	require.NoError(t, err)
	m, err := inv.Lookup(t.Context(), netboot.Client{Interface: "eth0.18", Addr: netip.MustParseAddr("10.0.0.2")})
	require.NoError(t, err)
	require.Equal(t, "b", m.Name)
}

func TestStaticIPv6(t *testing.T) {
	six := machine("a", "10.0.0.1/24")
	six.Addr6 = netip.MustParsePrefix("fd00:80::2/64")
	inv, err := netboot.NewStatic(netboot.Reservation{MAC: macA, Machine: six})
	require.NoError(t, err)
	m, err := inv.Lookup(t.Context(), netboot.Client{Interface: "eth0", Addr: six.Addr6.Addr()})
	require.NoError(t, err)
	require.Equal(t, "a", m.Name)

	other := machine("b", "10.0.0.2/24")
	other.Addr6 = six.Addr6
	_, err = netboot.NewStatic(
		netboot.Reservation{MAC: macA, Machine: six}, netboot.Reservation{MAC: macB, Machine: other})
	require.ErrorContains(t, err, `fd00:80::2 is already machine "a"`)

	inv, err = netboot.NewStatic(netboot.Reservation{Interface: "eth0.17", Machine: six})
	require.NoError(t, err)
	_, err = inv.Lookup(t.Context(), netboot.Client{Interface: "eth0.18", Addr: six.Addr6.Addr()})
	require.ErrorIs(t, err, netboot.ErrUnknown, "a machine that is alone on its interface")
}

func TestStaticSerialServesROMAndSystem(t *testing.T) {
	inv, err := netboot.NewStatic(
		netboot.Reservation{Serial: 0x5564247d, Machine: machine("old", "10.0.0.2/24")},
		netboot.Reservation{Serial: 0x12345678, Machine: machine("new", "10.0.0.3/24")},
	)
	require.NoError(t, err)
	find := func(c netboot.Client) string {
		m, err := inv.Lookup(t.Context(), c)
		if err != nil {
			require.ErrorIs(t, err, netboot.ErrUnknown)
			return ""
		}
		return m.Name
	}
	old := net.HardwareAddr{0xb8, 0x27, 0xeb, 0x64, 0x24, 0x7d}
	require.Equal(t, "old", find(netboot.Client{MAC: old, Pi: &rpi.Identity{Model: rpi.Model3B}}), "a mask ROM tells no serial number")
	require.Equal(t, "old", find(netboot.Client{MAC: old, Firmware: netboot.FirmwareOS}))

	first, second := net.HardwareAddr{0xdc, 0xa6, 0x32, 1, 2, 3}, net.HardwareAddr{0xdc, 0xa6, 0x32, 1, 2, 4}
	require.Empty(t, find(netboot.Client{MAC: first}))
	told := &rpi.Identity{Model: rpi.Model4, Serial: 0x12345678}
	require.Equal(t, "new", find(netboot.Client{MAC: first, Pi: told}))
	require.Equal(t, "new", find(netboot.Client{MAC: first, Firmware: netboot.FirmwareOS}))
	require.Equal(t, "new", find(netboot.Client{MAC: second, Pi: told}), "another network port of the board")
	require.Empty(t, find(netboot.Client{MAC: first}), "one address for each machine")
}

// What is refused leaves nothing behind, so that the next one can have it.
func TestStaticPart(t *testing.T) {
	at := func(addr string) netboot.Machine {
		return netboot.Machine{Name: "m" + addr, Addr: netip.MustParsePrefix(addr)}
	}
	var refused []string
	s := netboot.NewStaticPart([]netboot.Reservation{
		{Interface: "eth0.1", Machine: at("10.0.0.1/24")},
		{Serial: 7, Machine: at("10.0.0.2/24")},
		{Serial: 8, Machine: netboot.Machine{Name: "thief", Addr: netip.MustParsePrefix("10.0.0.2/24")}},
		{Serial: 8, Machine: at("10.0.0.3/24")},
		{Interface: "eth0.1", MAC: []byte{1, 2, 3, 4, 5, 6}, Machine: at("10.0.0.4/24")},
		{MAC: []byte{1, 2, 3, 4, 5, 6}, Machine: at("10.0.0.5/24")},
		{Interface: "eth0.5", Machine: at("10.0.0.5/24")},
	}, func(r *netboot.Reservation, err error) { refused = append(refused, r.Machine.Name+": "+err.Error()) })
	require.Len(t, refused, 3)
	require.Contains(t, refused[0], `thief: netboot: reservation 3 (machine "thief"): address 10.0.0.2 is already machine`)
	require.Contains(t, refused[1], "set exactly one of")
	require.Contains(t, refused[2], "is taken")
	require.Len(t, s.Machines(), 4)
	m, err := s.Lookup(t.Context(), netboot.Client{MAC: []byte{1, 2, 3, 4, 5, 6}})
	require.NoError(t, err)
	require.Equal(t, "m10.0.0.5/24", m.Name)
	_, err = s.Lookup(t.Context(), netboot.Client{Interface: "eth0.5"})
	require.ErrorIs(t, err, netboot.ErrUnknown)
}
