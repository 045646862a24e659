package netboot

// Firmware is the program that speaks: what sent the DISCOVER.
type Firmware uint8

// The firmware that [Identify] tells apart.
const (
	FirmwareUnknown     Firmware = iota
	FirmwarePiROM                // mask ROM of the Pi 3B (also 2B v1.2 and CM3)
	FirmwarePiBootcode           // bootcode.bin; the 3B+ ROM sends the same packet, see [Refine]
	FirmwarePi3BPlusROM          // mask ROM of the Pi 3B+, known from its first file
	FirmwarePiEEPROM             // EEPROM boot loader of the Pi 4 and 5
	FirmwareBIOSPXE              // PXE in a BIOS option ROM
	FirmwareUEFIPXE              // PXE in UEFI
	FirmwareUEFIHTTP             // HTTP boot in UEFI
	FirmwareIPXE                 // iPXE
	FirmwareUBoot                // U-Boot
	FirmwareOS                   // an operating system's DHCP client
)

var firmwareNames = [...]string{
	FirmwareUnknown:     "unknown",
	FirmwarePiROM:       "Pi ROM",
	FirmwarePiBootcode:  "Pi bootcode.bin",
	FirmwarePi3BPlusROM: "Pi 3B+ ROM",
	FirmwarePiEEPROM:    "Pi EEPROM",
	FirmwareBIOSPXE:     "BIOS PXE",
	FirmwareUEFIPXE:     "UEFI PXE",
	FirmwareUEFIHTTP:    "UEFI HTTP",
	FirmwareIPXE:        "iPXE",
	FirmwareUBoot:       "U-Boot",
	FirmwareOS:          "OS",
}

// String returns the firmware's name for people.
func (f Firmware) String() string {
	if int(f) < len(firmwareNames) {
		return firmwareNames[f]
	}
	return firmwareNames[FirmwareUnknown]
}

// IsPi reports whether f is a Raspberry Pi's own boot firmware.
func (f Firmware) IsPi() bool {
	switch f {
	case FirmwarePiROM, FirmwarePiBootcode, FirmwarePi3BPlusROM, FirmwarePiEEPROM:
		return true
	}
	return false
}

// SkipsRequest reports whether f uses the address of an OFFER without ever
// sending a REQUEST.
func (f Firmware) SkipsRequest() bool {
	return f == FirmwarePiROM || f == FirmwarePiBootcode || f == FirmwarePi3BPlusROM
}

// Arch is a processor architecture and firmware interface, from the IANA
// registry "Processor Architecture Types" (RFC 5970 section 3.3), which DHCP
// option 93 and DHCPv6 option 61 use.
type Arch uint16

// The architectures that this module decides on.
const (
	ArchBIOS       Arch = 0
	ArchEFI32      Arch = 6
	ArchEFIX64     Arch = 7
	ArchEFIBC      Arch = 9 // also sent by x64 firmware
	ArchEFIARM32   Arch = 10
	ArchEFIARM64   Arch = 11
	ArchHTTPX86    Arch = 15
	ArchHTTPX64    Arch = 16
	ArchHTTPEBC    Arch = 17
	ArchHTTPARM32  Arch = 18
	ArchHTTPARM64  Arch = 19
	ArchHTTPBIOS   Arch = 20
	ArchUBootARM32 Arch = 21
	ArchUBootARM64 Arch = 22
	ArchRPi        Arch = 41
)

// IsHTTP reports whether a asks to boot by HTTP.
func (a Arch) IsHTTP() bool { return a >= ArchHTTPX86 && a <= ArchHTTPBIOS }
