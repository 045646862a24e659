package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/netboot"
)

func (m *machineConfig) loaders(p *problems) map[netboot.Loader]string {
	known := loaderNames()
	loaders := make(map[netboot.Loader]string)
	for name, file := range m.Loaders {
		keys, ok := known[name]
		if !ok {
			p.add("loaders."+name, "is not one of %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		for _, key := range keys {
			loaders[key] = file
		}
	}
	return loaders
}

// loaderNames maps the keys of a machine's loaders to what they stand for.
func loaderNames() map[string][]netboot.Loader {
	pxe := func(archs ...netboot.Arch) []netboot.Loader { return each(netboot.FirmwareUEFIPXE, archs) }
	http := func(archs ...netboot.Arch) []netboot.Loader { return each(netboot.FirmwareUEFIHTTP, archs) }
	return map[string][]netboot.Loader{
		"bios":       {{Firmware: netboot.FirmwareBIOSPXE}},
		"ipxe":       {{Firmware: netboot.FirmwareIPXE}},
		"uboot":      each(netboot.FirmwareUBoot, []netboot.Arch{0, netboot.ArchUBootARM32, netboot.ArchUBootARM64}),
		"uefi-x86":   pxe(netboot.ArchEFI32),
		"uefi-x64":   pxe(netboot.ArchEFIX64, netboot.ArchEFIBC),
		"uefi-arm32": pxe(netboot.ArchEFIARM32),
		"uefi-arm64": pxe(netboot.ArchEFIARM64),
		"http-x86":   http(netboot.ArchHTTPX86),
		"http-x64":   http(netboot.ArchHTTPX64, netboot.ArchHTTPEBC),
		"http-arm32": http(netboot.ArchHTTPARM32),
		"http-arm64": http(netboot.ArchHTTPARM64),
	}
}

func each(f netboot.Firmware, archs []netboot.Arch) []netboot.Loader {
	var all []netboot.Loader
	for _, a := range archs {
		all = append(all, netboot.Loader{Firmware: f, Arch: a})
	}
	return all
}
