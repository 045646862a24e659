package rpi

import (
	"path"
	"strings"
)

// FileKind says what a file that a Pi asks for is to it.
type FileKind uint8

// The kinds of file in a Pi's boot sequence.
const (
	FileOther     FileKind = iota // unknown to the boot sequence
	FileBootcode                  // bootcode.bin, asked for by a mask ROM
	FileFirmware                  // start*.elf and fixup*.dat
	FileConfig                    // config.txt, cmdline.txt and their like
	FileTree                      // device trees and overlays
	FileInitramfs                 // initial RAM disk
	FileKernel                    // a kernel image
	FileRecovery                  // asked for and usually absent
	FileUpdate                    // would be flashed into the Pi's EEPROM if served
	FileImage                     // boot.img and boot.sig, the signed RAM disk
)

// String returns the kind in one word.
func (k FileKind) String() string {
	names := [...]string{"other", "bootcode", "firmware", "config", "device tree", "initramfs", "kernel", "recovery", "update", "image"}
	if int(k) < len(names) {
		return names[k]
	}
	return "other"
}

// Classify tells from a file's name, with or without a directory before it,
// what a Pi wants it for.
func Classify(name string) FileKind {
	base := strings.ToLower(path.Base(name))
	has := func(prefix, suffix string) bool {
		return strings.HasPrefix(base, prefix) && strings.HasSuffix(base, suffix)
	}
	switch {
	case IsUpdate(base):
		return FileUpdate
	case base == "bootcode.bin" || base == "bootcode4.bin" || base == "bootsig.bin":
		return FileBootcode
	case has("start", ".elf") || has("fixup", ".dat") || has("armstub", ".bin"):
		return FileFirmware
	case base == "boot.img" || base == "boot.sig":
		return FileImage
	case has("recovery", "") || has("recover", ".elf"):
		return FileRecovery
	case has("config", ".txt") || has("cmdline", ".txt") || base == "autoboot.txt" || base == "bootcfg.txt" || base == "usercfg.txt" || base == "extraconfig.txt":
		return FileConfig
	case has("", ".dtb") || has("", ".dtbo") || base == "dt-blob.bin" || base == "overlay_map.dtb":
		return FileTree
	case has("initrd", "") || has("initramfs", ""):
		return FileInitramfs
	case has("kernel", ".img") || has("vmlinuz", "") || base == "zimage" || base == "image" || has("image", ".gz"):
		return FileKernel
	}
	return FileOther
}

// IsUpdate reports whether a Pi that finds name on its boot server would write
// it into its EEPROM or USB controller. Serving such a file lets whoever can
// write the boot tree keep or brick the board, so servers refuse these names
// unless told otherwise.
func IsUpdate(name string) bool {
	base := strings.ToLower(path.Base(name))
	switch base {
	case "recovery.bin", "vl805.bin", "vl805.sig":
		return true
	}
	return strings.HasPrefix(base, "pieeprom.")
}
