package rpi_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

func guid(t *testing.T, s string) (g [16]byte) {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	require.Len(t, b, 16)
	copy(g[:], b)
	return g
}

func TestParseGUID(t *testing.T) {
	tests := []struct {
		name, guid string
		want       rpi.Identity
		ok         bool
	}{
		{"3B mask ROM", "44444444444444444444444444444444", rpi.Identity{Model: rpi.Model3B}, true},
		{"bootcode.bin", "7d2464557d2464557d2464557d246455", rpi.Identity{Serial: 0x5564247d}, true},
		{"Pi 4", "52506934" + "1131c000" + "fe1fc232" + "78563412", rpi.Identity{Model: rpi.Model4, Revision: 0xc03111, MACTail: 0x32c21ffe, Serial: 0x12345678}, true},
		{"Pi 5", "52506935" + "7041d000" + "00000000" + "01000000", rpi.Identity{Model: rpi.Model5, Revision: 0xd04170, Serial: 1}, true},
		{"Pi 4 with a board to come", "52506934" + "f0ffc000" + "00000000" + "01000000", rpi.Identity{Model: rpi.Model4, Revision: 0xc0fff0, Serial: 1}, true},
		{"a PC", "00112233445566778899aabbccddeeff", rpi.Identity{}, false},
		{"nothing", "00000000000000000000000000000000", rpi.Identity{}, false},
		{"all ones", "ffffffffffffffffffffffffffffffff", rpi.Identity{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := guid(t, tt.guid)
			id, ok := rpi.ParseGUID(g)
			require.Equal(t, tt.ok, ok)
			require.Equal(t, tt.want, id)
			if ok {
				require.Equal(t, g, id.GUID(), "encodes back")
			}
		})
	}
}

func TestRevision(t *testing.T) {
	tests := []struct {
		rev   rpi.Revision
		board string
		model rpi.Model
		mib   int
	}{
		{0xa02082, "3B", rpi.Model3B, 1024},
		{0xa020d3, "3B+", rpi.Model3BPlus, 1024},
		{0xc03111, "4B", rpi.Model4, 4096},
		{0xd04170, "5", rpi.Model5, 8192},
		{0x000010, "", rpi.ModelUnknown, 256},
	}
	for _, tt := range tests {
		require.Equal(t, tt.board, tt.rev.Board())
		require.Equal(t, tt.model, tt.rev.Model())
		if tt.board != "" {
			require.Equal(t, tt.mib, tt.rev.MemoryMiB())
		}
	}
}

func TestVendorOptions(t *testing.T) {
	require.Equal(t, "060103"+"0a0400505845"+"09170000"+"14"+hex.EncodeToString([]byte("Raspberry Pi Boot   "))+"ff",
		hex.EncodeToString(rpi.VendorOptions("")))
	require.Equal(t, "own text", rpi.BootMenuText(rpi.VendorOptions("own text")))
	for _, broken := range [][]byte{nil, {9}, {9, 200, 1}, {9, 3, 0, 0, 9}, {255}, {0, 0}} {
		require.Empty(t, rpi.BootMenuText(broken))
	}
}

func FuzzBootMenuText(f *testing.F) {
	f.Add(rpi.VendorOptions(""))
	f.Fuzz(func(t *testing.T, b []byte) {
		if text := rpi.BootMenuText(b); len(text) > len(b) {
			t.Fatalf("%d bytes of text in %d", len(text), len(b))
		}
	})
}

func TestClassify(t *testing.T) {
	tests := map[string]rpi.FileKind{
		"bootcode.bin": rpi.FileBootcode, "12345678/start4.elf": rpi.FileFirmware, "fixup.dat": rpi.FileFirmware,
		"config.txt": rpi.FileConfig, "cmdline.txt": rpi.FileConfig, "bcm2711-rpi-4-b.dtb": rpi.FileTree,
		"overlays/vc4.dtbo": rpi.FileTree, "initrd.img-6.1": rpi.FileInitramfs, "kernel8.img": rpi.FileKernel,
		"kernel_2712.img": rpi.FileKernel, "vmlinuz-6.1": rpi.FileKernel, "recovery.elf": rpi.FileRecovery,
		"pieeprom.upd": rpi.FileUpdate, "x/RECOVERY.BIN": rpi.FileUpdate, "vl805.sig": rpi.FileUpdate,
		"boot.img": rpi.FileImage, "passwd": rpi.FileOther,
	}
	for name, want := range tests {
		require.Equal(t, want, rpi.Classify(name), name)
	}
}

func TestIsOUI(t *testing.T) {
	require.True(t, rpi.IsOUI(net.HardwareAddr{0x2c, 0xcf, 0x67, 1, 2, 3}))
	require.False(t, rpi.IsOUI(net.HardwareAddr{0x52, 0x54, 0, 1, 2, 3}))
	require.False(t, rpi.IsOUI(nil))
}

func ExampleParseGUID() {
	id, ok := rpi.ParseGUID([16]byte{'R', 'P', 'i', '4', 0x11, 0x31, 0xc0, 0, 0, 0, 0, 0, 0x78, 0x56, 0x34, 0x12})
	fmt.Println(ok, id.Model, id.Revision.Board(), id.Revision.MemoryMiB(), id.Prefix())
	// Output: true 4 4B 4096 12345678
}
