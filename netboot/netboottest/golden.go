package netboottest

import (
	"embed"
	"fmt"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

//go:embed testdata/*.discover
var goldenFiles embed.FS

// GoldenPacket is a DISCOVER as a certain client sends it, and what is to be
// made out of it.
type GoldenPacket struct {
	Name   string // of its file in testdata
	Origin string // which program sent it, or what is known of it
	Data   []byte // the DHCP message, the payload of the UDP datagram

	Firmware netboot.Firmware
	Arch     netboot.Arch
	Pi       rpi.Identity // zero for what is no Pi, or does not tell
}

// The board that the Pi packets are from does not exist.
const (
	goldenSerial = 0x5564247d
	goldenMAC3   = 0xeb64247d // low four bytes of b8:27:eb:64:24:7d
	goldenMAC4   = 0x3264247d // of dc:a6:32:64:24:7d
)

// GoldenPackets returns all packets. Those of Pis are built from what is known
// of real ones, byte by byte; the others were captured from the program that
// Origin names. Some programs that have no machine identifier send zeros there.
func GoldenPackets() []GoldenPacket {
	packets := []GoldenPacket{
		{Name: "pi3b-rom", Origin: "mask ROM of a Pi 3B", Firmware: netboot.FirmwarePiROM, Pi: rpi.Identity{Model: rpi.Model3B}},
		{Name: "pi3b-bootcode", Origin: "bootcode.bin on a Pi 3B", Firmware: netboot.FirmwarePiBootcode, Pi: rpi.Identity{Serial: goldenSerial}},
		{Name: "pi3bplus-rom", Origin: "mask ROM of a Pi 3B+", Firmware: netboot.FirmwarePiBootcode, Pi: rpi.Identity{Serial: goldenSerial}},
		{Name: "pi4-2020-01", Origin: "EEPROM of a Pi 4, January 2020", Firmware: netboot.FirmwarePiEEPROM,
			Pi: rpi.Identity{Model: rpi.Model4, Serial: goldenSerial}},
		{Name: "pi4", Origin: "EEPROM of a Pi 4", Firmware: netboot.FirmwarePiEEPROM,
			Pi: rpi.Identity{Model: rpi.Model4, Revision: 0xc03114, MACTail: goldenMAC4, Serial: goldenSerial}},
		{Name: "pi5", Origin: "EEPROM of a Pi 5", Firmware: netboot.FirmwarePiEEPROM,
			Pi: rpi.Identity{Model: rpi.Model5, Revision: 0xc04170, MACTail: goldenMAC3, Serial: goldenSerial}},
		{Name: "ipxe", Origin: "iPXE 1.0.0+git-20190125 as QEMU's BIOS option ROM", Firmware: netboot.FirmwareIPXE},
		{Name: "ovmf-pxe", Origin: "EDK II 2022.11, x86-64, PXE over IPv4", Firmware: netboot.FirmwareUEFIPXE, Arch: netboot.ArchEFIX64},
		{Name: "ovmf-http", Origin: "EDK II 2022.11, x86-64, HTTP boot over IPv4", Firmware: netboot.FirmwareUEFIHTTP, Arch: netboot.ArchHTTPX64},
		{Name: "uboot-arm64", Origin: "U-Boot 2023.01, command dhcp", Firmware: netboot.FirmwareUBoot, Arch: netboot.ArchUBootARM64},
		{Name: "dhclient", Origin: "ISC dhclient 4.4.3-P1", Firmware: netboot.FirmwareOS},
		{Name: "udhcpc", Origin: "udhcpc of busybox 1.35.0", Firmware: netboot.FirmwareOS},
	}
	for i := range packets {
		packets[i].Data = Golden(packets[i].Name)
	}
	return packets
}

// Golden returns the DHCP message with that name in [GoldenPackets]. It panics
// when there is none.
func Golden(name string) []byte {
	data, err := goldenFiles.ReadFile("testdata/" + name + ".discover")
	if err != nil {
		panic(fmt.Sprintf("netboottest: no golden packet %q", name))
	}
	return data
}
