package netboot

import "strings"

// DefaultLoader returns the file that firmware loads first when a machine's
// [Boot.Loaders] has no entry for it:
//
//	BIOS PXE              undionly.kpxe
//	UEFI PXE or HTTP, x64 snponly.efi (architectures 7, 9, 16 and 17)
//	  32-bit x86          snponly-i386.efi
//	  ARM 64-bit          snponly-arm64.efi
//	  ARM 32-bit          snponly-arm32.efi
//	iPXE                  boot.ipxe
//	U-Boot                boot.scr.uimg
//
// It returns "" for Pi firmware, which knows what to ask for, and for an
// operating system.
func DefaultLoader(l Loader) string {
	switch l.Firmware {
	case FirmwareBIOSPXE:
		return "undionly.kpxe"
	case FirmwareIPXE:
		return "boot.ipxe"
	case FirmwareUBoot:
		return "boot.scr.uimg"
	case FirmwareUEFIPXE, FirmwareUEFIHTTP:
		return defaultEFI(l.Arch)
	}
	return ""
}

func defaultEFI(a Arch) string {
	switch a {
	case ArchEFI32, ArchHTTPX86:
		return "snponly-i386.efi"
	case ArchEFIARM32, ArchHTTPARM32:
		return "snponly-arm32.efi"
	case ArchEFIARM64, ArchHTTPARM64:
		return "snponly-arm64.efi"
	}
	return "snponly.efi"
}

// Loader returns the file, or for UEFI HTTP boot the URL, that c is told to
// load first, and "" when it is told none: Pi firmware and operating systems,
// UEFI HTTP clients without b.HTTP, and everybody when b.Disabled.
func (b Boot) Loader(c Client) string {
	if b.Disabled {
		return ""
	}
	l := Loader{Firmware: c.Firmware}
	switch c.Firmware {
	case FirmwareUEFIPXE, FirmwareUEFIHTTP, FirmwareUBoot:
		l.Arch = c.Arch
	}
	file, ok := b.Loaders[l]
	if !ok {
		file = DefaultLoader(l)
	}
	if c.Firmware != FirmwareUEFIHTTP || file == "" || strings.Contains(file, "://") {
		return file
	}
	if b.HTTP == "" {
		return ""
	}
	return strings.TrimSuffix(b.HTTP, "/") + "/" + strings.TrimPrefix(file, "/")
}
