package netboot

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Client is everything learnt about a machine from one packet of its own. A
// DHCP server fills it with [Identify]; a file server knows Interface and Addr
// only. It is a value: copy it freely, do not write through its slices.
type Client struct {
	MAC       net.HardwareAddr
	Interface string     // name of the interface its packet came in on, "" unknown
	Addr      netip.Addr // its own address, where it has one
	Relay     *Relay     // nil when it is on our own link

	Firmware Firmware
	Arch     Arch // DHCP option 93; ArchBIOS also when it sent none
	Pi       *rpi.Identity

	GUID        [16]byte // DHCP option 97; zero when it sent none
	VendorClass string   // DHCP option 60, untrusted
	UserClass   string   // DHCP option 77, untrusted, parts joined by ","
}

// Relay is what a DHCP relay agent added (RFC 1542, RFC 3046).
type Relay struct {
	Addr        netip.Addr // giaddr
	CircuitID   []byte     // option 82 sub-option 1: usually the switch port
	RemoteID    []byte     // option 82 sub-option 2: usually the switch
	LinkAddr    netip.Addr // option 82 sub-option 5 (RFC 3527); zero when absent
	ServerIDOvr netip.Addr // option 82 sub-option 11 (RFC 5107); zero when absent
}

// Received is what a packet cannot tell of itself: how it came in.
type Received struct {
	Interface string
}

// Identify says who sent m, from the packet alone. It never fails: what it
// cannot tell is left zero, and Firmware is then [FirmwareUnknown] or
// [FirmwareOS].
func Identify(m *dhcpv4.DHCPv4, rx Received) Client {
	c := Client{
		MAC:         slices.Clone(m.ClientHWAddr),
		Interface:   rx.Interface,
		VendorClass: m.ClassIdentifier(),
		UserClass:   strings.Join(m.UserClass(), ","),
		Relay:       relayOf(m),
	}
	if a, ok := netip.AddrFromSlice(m.ClientIPAddr.To4()); ok && !a.IsUnspecified() {
		c.Addr = a
	}
	if archs := m.ClientArch(); len(archs) > 0 {
		c.Arch = Arch(archs[0])
	}
	if g := m.Options.Get(dhcpv4.OptionClientMachineIdentifier); len(g) == 17 && g[0] == 0 {
		copy(c.GUID[:], g[1:])
	}
	identifyPi(&c, m)
	if c.Firmware == FirmwareUnknown {
		c.Firmware = firmwareOf(&c)
		if isUBoot(&c, m) {
			c.Firmware = FirmwareUBoot
		}
	}
	return c
}

// isUBoot tells U-Boot that calls itself a PXE client: it writes UNDI 3.0, as
// UEFI may too, and sends no machine identifier. UEFI always sends that
// option, all zero on a board that has none.
func isUBoot(c *Client, m *dhcpv4.DHCPv4) bool {
	return (c.Firmware == FirmwareUEFIPXE || c.Firmware == FirmwareBIOSPXE) &&
		strings.HasPrefix(c.VendorClass, "PXEClient:") && strings.HasSuffix(c.VendorClass, ":UNDI:003000") &&
		!m.Options.Has(dhcpv4.OptionClientMachineIdentifier)
}

func relayOf(m *dhcpv4.DHCPv4) *Relay {
	gw, ok := netip.AddrFromSlice(m.GatewayIPAddr.To4())
	if !ok || gw.IsUnspecified() {
		return nil // option 82 without a relay is somebody's forgery
	}
	r := &Relay{Addr: gw}
	info := m.RelayAgentInfo()
	if info == nil {
		return r
	}
	r.CircuitID = info.Get(dhcpv4.AgentCircuitIDSubOption)
	r.RemoteID = info.Get(dhcpv4.AgentRemoteIDSubOption)
	if a, ok := netip.AddrFromSlice(info.Get(dhcpv4.LinkSelectionSubOption)); ok && a.Is4() {
		r.LinkAddr = a
	}
	if a, ok := netip.AddrFromSlice(info.Get(dhcpv4.ServerIdentifierOverrideSubOption)); ok && a.Is4() {
		r.ServerIDOvr = a
	}
	return r
}

// identifyPi recognises a Pi by what only a Pi sends. The address's vendor
// part is never proof: Raspberry Pi Ltd keeps getting new ones, and an
// operating system on a Pi has them too.
func identifyPi(c *Client, m *dhcpv4.DHCPv4) {
	id, known := rpi.ParseGUID(c.GUID)
	rom := isROMTransaction(m.TransactionID)
	switch {
	case c.Arch == ArchRPi:
		c.Firmware = FirmwarePiEEPROM
	case rom && known && id.Serial == 0:
		c.Firmware = FirmwarePiROM
	case rom:
		c.Firmware = FirmwarePiBootcode
	case known && id.Revision != 0:
		c.Firmware = FirmwarePiEEPROM
	case known && c.Arch == ArchBIOS && strings.HasPrefix(c.VendorClass, "PXEClient") && rpi.IsOUI(c.MAC):
		c.Firmware = FirmwarePiEEPROM // DHCP_OPTION97=0, or older than March 2020
		id.Model = rpi.Model4
	default:
		return
	}
	if known || c.Firmware == FirmwarePiROM {
		c.Pi = &id
	} else {
		c.Pi = &rpi.Identity{}
	}
}

func isROMTransaction(id dhcpv4.TransactionID) bool {
	const x = rpi.ROMTransactionID
	return id == dhcpv4.TransactionID{x >> 24, x >> 16 & 0xff, x >> 8 & 0xff, x & 0xff}
}

func firmwareOf(c *Client) Firmware {
	switch {
	case strings.Contains(c.UserClass, "iPXE") || strings.Contains(c.UserClass, "gPXE"):
		return FirmwareIPXE
	case strings.HasPrefix(c.VendorClass, "HTTPClient"):
		return FirmwareUEFIHTTP
	case strings.HasPrefix(c.VendorClass, "U-Boot"), c.Arch == ArchUBootARM32, c.Arch == ArchUBootARM64:
		return FirmwareUBoot
	case !strings.HasPrefix(c.VendorClass, "PXEClient"):
		return FirmwareOS
	case c.Arch == ArchBIOS:
		return FirmwareBIOSPXE
	}
	return FirmwareUEFIPXE
}

// Refine returns c's firmware as its first file tells it: bootcode.bin is
// asked for by a mask ROM only, so a client that looked like bootcode.bin and
// wants it is the ROM of a 3B+, which sends the same DISCOVER.
func Refine(c Client, firstFile string) Firmware {
	if c.Firmware == FirmwarePiBootcode && rpi.Classify(firstFile) == rpi.FileBootcode {
		return FirmwarePi3BPlusROM
	}
	return c.Firmware
}
