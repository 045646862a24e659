package boottree_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

// Trees out of Debian's packages of today.
func TestRealAssemble(t *testing.T) {
	tests := []struct {
		suite, kernel string
		arch          nfsroot.Arch
		has, hasNot   []boottree.Model
	}{
		{"bookworm", "linux-image-arm64", nfsroot.ARM64, []boottree.Model{boottree.Zero2W, boottree.Pi3, boottree.Pi3Plus, boottree.Pi4, boottree.Pi400, boottree.CM4}, []boottree.Model{boottree.Pi5}},
		{"trixie", "linux-image-arm64", nfsroot.ARM64, []boottree.Model{boottree.Zero2W, boottree.Pi3, boottree.Pi3Plus, boottree.Pi4, boottree.Pi400, boottree.CM4, boottree.Pi5}, nil},
		{"bookworm", "linux-image-armmp", nfsroot.ARMHF, []boottree.Model{boottree.Pi2, boottree.Pi3, boottree.Pi4}, []boottree.Model{boottree.Pi5}},
	}
	for _, tt := range tests {
		t.Run(tt.suite+"-"+string(tt.arch), func(t *testing.T) {
			src := debian(t, tt.suite, tt.arch)
			dst := filepath.Join(t.TempDir(), "tree")
			modules := ""
			report, err := boottree.Assemble(t.Context(), boottree.Options{
				Source: src, Kernel: tt.kernel, Cmdline: line,
				MakeInitrd: func(_ context.Context, dir string) ([]byte, error) {
					modules = dir
					_, err := os.Stat(filepath.Join(dir, "modules.builtin"))
					return []byte("initramfs"), err
				},
			}, dst)
			require.NoError(t, err)
			require.Subset(t, report.Models, tt.has)
			for _, m := range tt.hasNot {
				require.NotContains(t, report.Models, m)
			}
			require.NoDirExists(t, modules, "it was for the call only")
			files := read(t, dst)
			for _, name := range []string{"bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat", "config.txt", "cmdline.txt", "initrd.img"} {
				require.NotEmpty(t, files[name], name)
			}
			require.NotContains(t, files, "start_x.elf")
			require.Equal(t, imageOf(t, src, report), kernelOf(t, tt.arch, files["vmlinuz"]))
			for name, text := range files {
				if strings.HasSuffix(name, ".dtb") {
					require.Equal(t, "\xd0\x0d\xfe\xed", text[:4], "%s is no device tree", name)
				}
			}
			back, err := bootparam.ParseConfigTXT(files["config.txt"])
			require.NoError(t, err)
			require.Len(t, back, 1)
			t.Logf("%s, raspi-firmware %s, models %q: %d bytes in %d files; kernel %d, was %d", report.Kernel.Name, report.Firmware,
				report.Models, report.Size(), len(report.Files), len(files["vmlinuz"]), report.RawImage)
		})
	}
}

// imageOf takes the kernel out of its package by other means.
func imageOf(t *testing.T, src *deb.Source, report *boottree.Report) string {
	t.Helper()
	path, _, err := src.Fetch(t.Context(), report.Kernel.Name)
	require.NoError(t, err)
	version := strings.TrimPrefix(report.Kernel.Name, "linux-image-")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("dpkg-deb --fsys-tarfile '%s' | tar -xO ./boot/vmlinuz-%s", path, version)).Output()
	require.NoError(t, err)
	require.Len(t, out, int(report.RawImage))
	return string(out)
}

// kernelOf is what the firmware makes of the kernel in the tree.
func kernelOf(t *testing.T, arch nfsroot.Arch, text string) string {
	t.Helper()
	if arch != nfsroot.ARM64 {
		return text
	}
	image := gunzip(t, text)
	require.Equal(t, "ARM\x64", image[56:60], "not an arm64 Image")
	require.Less(t, len(text), len(image)*4/10)
	return image
}
