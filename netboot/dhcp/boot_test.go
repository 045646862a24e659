package dhcp_test

import (
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/dhcp"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// The option 43 that a 3B mask ROM was seen to accept, from its code to its END.
const piMenu = "\x2b\x23" + "\x06\x01\x03" + "\x0a\x04\x00PXE" + "\x09\x17\x00\x00\x14Raspberry Pi Boot   " + "\xff"

func TestPiROMOffer(t *testing.T) {
	h := newHandler(t)
	actions := h.Handle(t.Context(), request{mac: piMAC, iface: "pi17", kind: discover, mods: []dhcpv4.Modifier{piROM}}.packet())
	sent := replies(actions)
	require.Len(t, sent, 1)
	b := sent[0].Payload
	require.Contains(t, string(b), piMenu)
	require.GreaterOrEqual(t, len(b), 300, "BOOTP's minimum")
	require.Equal(t, []byte{53, 1, 2}, b[240:243], "the message type comes first")
	require.NotContains(t, codes(t, b[240:]), byte(0), "old EEPROMs stop at a pad")

	m, err := dhcpv4.FromBytes(b)
	require.NoError(t, err)
	require.Equal(t, "10.80.0.66", m.YourIPAddr.String())
	require.Equal(t, "10.80.0.65", m.ServerIPAddr.String())
	require.Equal(t, "10.80.0.65", m.TFTPServerName())
	require.Equal(t, "PXEClient", m.ClassIdentifier())
	require.Equal(t, "255.255.255.252", dhcpv4.GetIP(dhcpv4.OptionSubnetMask, m.Options).String())
	require.Equal(t, "10.80.0.65", m.Router()[0].String())
	require.Equal(t, "10.80.255.53", m.DNS()[0].String())
	require.Len(t, m.Options[97], 17, "the machine identifier is echoed")
	require.Equal(t, dhcp.Direct, sent[0].To.Kind)
	require.Equal(t, "10.80.0.65:67", sent[0].To.From.String(), "the ROM reads files from the OFFER's source")
}

// codes lists the codes of the options in b up to END, pads included.
func codes(t *testing.T, b []byte) (list []byte) {
	t.Helper()
	for {
		require.NotEmpty(t, b)
		list = append(list, b[0])
		switch b[0] {
		case 255:
			return list
		case 0:
			b = b[1:]
		default:
			b = b[2+int(b[1]):]
		}
	}
}

func class(arch byte, vendor, user string) dhcpv4.Modifier {
	return func(m *dhcpv4.DHCPv4) {
		m.Options[93] = []byte{0, arch}
		m.Options[97] = append([]byte{0}, "0123456789abcdef"...)
		if vendor != "" {
			m.UpdateOption(dhcpv4.OptClassIdentifier(vendor))
		}
		if user != "" {
			m.UpdateOption(dhcpv4.OptUserClass(user))
		}
		m.Options[55] = []byte{1, 3, 66, 67}
	}
}

func TestBootInformation(t *testing.T) {
	for _, tt := range []struct {
		name  string
		mods  []dhcpv4.Modifier
		file  string
		class string
		vend  string // option 43
		check func(t *testing.T, m *dhcpv4.DHCPv4)
	}{
		{"bios", []dhcpv4.Modifier{class(0, "PXEClient:Arch:00000:UNDI:002001", "")}, "undionly.kpxe", "PXEClient", "\x06\x01\x08\xff", nil},
		{"uefi x64", []dhcpv4.Modifier{class(7, "PXEClient:Arch:00007:UNDI:003016", "")}, "snponly.efi", "PXEClient", "\x06\x01\x08\xff", nil},
		{"uefi arm64", []dhcpv4.Modifier{class(11, "PXEClient:Arch:00011:UNDI:003016", "")}, "snponly-arm64.efi", "PXEClient", "\x06\x01\x08\xff", nil},
		{"http", []dhcpv4.Modifier{class(16, "HTTPClient:Arch:00016:UNDI:003016", "")}, "http://10.81.0.1:8080/snponly.efi", "HTTPClient", "", nil},
		{"ipxe breaks the loop", []dhcpv4.Modifier{class(7, "PXEClient:Arch:00007:UNDI:003016", "iPXE")}, "boot.ipxe", "", "", func(t *testing.T, m *dhcpv4.DHCPv4) {
			require.Equal(t, []byte{176, 1, 1}, m.Options[175])
		}},
		{"ipxe with a user class that is no list", []dhcpv4.Modifier{class(0, "PXEClient:Arch:00000:UNDI:002001", ""), opt(77, "iPXE")}, "boot.ipxe", "", "", nil},
		{"u-boot", []dhcpv4.Modifier{opt(60, "PXEClient:Arch:00011:UNDI:003000"), opt(93, "\x00\x0b")}, "boot.scr.uimg", "", "", nil},
		{"os", nil, "", "", "", func(t *testing.T, m *dhcpv4.DHCPv4) { require.True(t, m.ServerIPAddr.IsUnspecified()) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, _ := ask(t, newHandler(t), request{mac: pcMAC, iface: "br0", kind: discover, mods: tt.mods})
			require.NotNil(t, m)
			require.Equal(t, "10.81.0.5", m.YourIPAddr.String())
			require.Equal(t, tt.file, m.BootFileName)
			require.Equal(t, tt.class, m.ClassIdentifier())
			require.Equal(t, tt.vend, string(m.Options[43]))
			if tt.file != "" {
				require.Equal(t, "10.81.0.1", m.ServerIPAddr.String())
			}
			if tt.check != nil {
				tt.check(t, m)
			}
		})
	}
}

func TestHTTPWithoutBase(t *testing.T) {
	h := newHandler(t)
	m, _ := ask(t, h, request{mac: poolMAC(0), iface: "br0", kind: discover, mods: []dhcpv4.Modifier{class(16, "HTTPClient:Arch:00016:UNDI:003016", "")}})
	require.Nil(t, m, "it goes on to PXE sooner without an answer")
}

func TestLongFileIsNotCut(t *testing.T) {
	url := "http://10.81.0.1/" + strings.Repeat("x", 150)
	inv, err := netboot.NewStatic(netboot.Reservation{MAC: pcMAC, Machine: netboot.Machine{
		Name: "a", Addr: lanPrefix, Boot: netboot.Boot{Loaders: map[netboot.Loader]string{{Firmware: netboot.FirmwareIPXE}: url}},
	}})
	require.NoError(t, err)
	m, _ := ask(t, &dhcp.Handler{Inventory: inv}, request{mac: pcMAC, iface: "br0", kind: discover, mods: []dhcpv4.Modifier{opt(77, "iPXE")}})
	require.Empty(t, m.BootFileName)
	require.Equal(t, url, m.BootFileNameOption())
}

// A Pi 4's REQUEST may have neither vendor class, architecture nor machine
// identifier; its transaction tells that it is the firmware's.
func TestPi4RequestWithoutClass(t *testing.T) {
	h := newHandler(t)
	guid := rpi.Identity{Model: rpi.Model4, Revision: 0xc03111, Serial: 0x1234}.GUID()
	pi4 := []dhcpv4.Modifier{opt(60, "PXEClient:Arch:00000:UNDI:002001"), opt(97, "\x00"+string(guid[:]))}
	offer, _ := ask(t, h, request{mac: piMAC, iface: "pi17", kind: discover, mods: pi4})
	require.Contains(t, string(offer.Options[43]), rpi.BootText)

	second := request{mac: piMAC, iface: "pi17", kind: req, mods: []dhcpv4.Modifier{wants("10.80.0.66"), serverID("10.80.0.65")}}
	actions := h.Handle(t.Context(), second.packet())
	require.Equal(t, netboot.Leased, replies(actions)[0].Event.Kind, "the firmware's, not an operating system's")
	require.Contains(t, string(replies(actions)[0].Reply.Options[43]), rpi.BootText)

	second.mods = append(second.mods, func(m *dhcpv4.DHCPv4) { m.TransactionID = dhcpv4.TransactionID{9, 9, 9, 9} })
	require.Equal(t, netboot.OSLease, replies(h.Handle(t.Context(), second.packet()))[0].Event.Kind)
}

func TestBootDisabled(t *testing.T) {
	inv, err := netboot.NewStatic(netboot.Reservation{MAC: pcMAC, Machine: netboot.Machine{Name: "a", Addr: lanPrefix, Boot: netboot.Boot{Disabled: true}}})
	require.NoError(t, err)
	m, _ := ask(t, &dhcp.Handler{Inventory: inv}, request{mac: pcMAC, iface: "br0", kind: discover, mods: []dhcpv4.Modifier{class(0, "PXEClient:Arch:00000:UNDI:002001", "")}})
	require.Equal(t, "10.81.0.5", m.YourIPAddr.String())
	require.Empty(t, m.BootFileName)
	require.NotContains(t, m.Options, uint8(43))
}
