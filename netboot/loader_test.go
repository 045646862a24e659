package netboot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

func TestBootLoader(t *testing.T) {
	client := func(f netboot.Firmware, a netboot.Arch) netboot.Client {
		return netboot.Client{Firmware: f, Arch: a}
	}
	http := netboot.Boot{HTTP: "http://10.0.0.1:8080/"}
	own := netboot.Boot{Loaders: map[netboot.Loader]string{
		{Firmware: netboot.FirmwareUEFIPXE, Arch: netboot.ArchEFIX64}:   "grub.efi",
		{Firmware: netboot.FirmwareUEFIHTTP, Arch: netboot.ArchHTTPX64}: "https://boot.example/x.efi",
		{Firmware: netboot.FirmwareIPXE}:                                "http://boot.example/x.ipxe",
	}}
	for _, tt := range []struct {
		name string
		boot netboot.Boot
		c    netboot.Client
		want string
	}{
		{"bios", netboot.Boot{}, client(netboot.FirmwareBIOSPXE, 0), "undionly.kpxe"},
		{"x64", netboot.Boot{}, client(netboot.FirmwareUEFIPXE, netboot.ArchEFIX64), "snponly.efi"},
		{"x64 as byte code", netboot.Boot{}, client(netboot.FirmwareUEFIPXE, netboot.ArchEFIBC), "snponly.efi"},
		{"arm64", netboot.Boot{}, client(netboot.FirmwareUEFIPXE, netboot.ArchEFIARM64), "snponly-arm64.efi"},
		{"ia32", netboot.Boot{}, client(netboot.FirmwareUEFIPXE, netboot.ArchEFI32), "snponly-i386.efi"},
		{"ipxe of any arch", netboot.Boot{}, client(netboot.FirmwareIPXE, netboot.ArchEFIX64), "boot.ipxe"},
		{"u-boot", netboot.Boot{}, client(netboot.FirmwareUBoot, netboot.ArchEFIARM64), "boot.scr.uimg"},
		{"http", http, client(netboot.FirmwareUEFIHTTP, netboot.ArchHTTPX64), "http://10.0.0.1:8080/snponly.efi"},
		{"http without a base", netboot.Boot{}, client(netboot.FirmwareUEFIHTTP, netboot.ArchHTTPX64), ""},
		{"own", own, client(netboot.FirmwareUEFIPXE, netboot.ArchEFIX64), "grub.efi"},
		{"own URL needs no base", own, client(netboot.FirmwareUEFIHTTP, netboot.ArchHTTPX64), "https://boot.example/x.efi"},
		{"own script", own, client(netboot.FirmwareIPXE, netboot.ArchEFIARM64), "http://boot.example/x.ipxe"},
		{"disabled", netboot.Boot{Disabled: true}, client(netboot.FirmwareBIOSPXE, 0), ""},
		{"pi", netboot.Boot{}, client(netboot.FirmwarePiROM, 0), ""},
		{"os", netboot.Boot{}, client(netboot.FirmwareOS, 0), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, tt.boot.Loader(tt.c))
		})
	}
}
