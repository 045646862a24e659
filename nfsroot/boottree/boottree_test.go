package boottree_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

// packages is a source of small packages, of the shape of Debian's.
type packages struct {
	kernel   deb.Package
	paths    map[string]string // of the .debs, by package
	firmware int               // how often the firmware was asked for
}

func (p *packages) Kernel(_ context.Context, name string) (deb.Package, error) {
	if name != "linux-image-arm64" && name != p.kernel.Name {
		return deb.Package{}, fmt.Errorf("kernel %q: %w", name, fs.ErrNotExist)
	}
	return p.kernel, nil
}

func (p *packages) Fetch(_ context.Context, name string) (path, version string, err error) {
	name, _, _ = strings.Cut(name, "=")
	if name == "raspi-firmware" {
		p.firmware++
	}
	if p.paths[name] == "" {
		return "", "", fmt.Errorf("package %q: %w", name, fs.ErrNotExist)
	}
	return p.paths[name], "1.0", nil
}

var image = strings.Repeat("kernel", 1000)

func newPackages(t *testing.T, arch string, dtbDir string, dtbs ...string) *packages {
	t.Helper()
	peer.Need(t, "dpkg-deb")
	const version = "6.1.0-50-test"
	files := map[string]string{
		"boot/vmlinuz-" + version:                       image,
		"boot/config-" + version:                        "CONFIG_X=y",
		"lib/modules/" + version + "/kernel/x/genet.ko": "module",
	}
	for _, d := range dtbs {
		files["usr/lib/linux-image-"+version+dtbDir+"/"+d] = "tree " + d
	}
	firmware := map[string]string{"usr/lib/raspi-firmware/overlays/a.dtbo": "overlay"}
	for _, f := range []string{"bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat", "start_x.elf"} {
		firmware["usr/lib/raspi-firmware/"+f] = "firmware " + f
	}
	name := "linux-image-" + version
	return &packages{
		kernel: deb.Package{Name: name, Version: "6.1.50-1", Arch: arch},
		paths:  map[string]string{name: build(t, name, arch, files), "raspi-firmware": build(t, "raspi-firmware", "all", firmware)},
	}
}

func build(t *testing.T, name, arch string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	tree, path := filepath.Join(dir, "tree"), filepath.Join(dir, name+".deb")
	files["DEBIAN/control"] = fmt.Sprintf("Package: %s\nVersion: 1.0\nArchitecture: %s\nMaintainer: A <a@example.org>\nDescription: test\n", name, arch)
	for name, text := range files {
		write(t, filepath.Join(tree, name), text)
	}
	out, err := exec.Command("dpkg-deb", "--root-owner-group", "-b", tree, path).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// read is a whole tree, by name.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(data)
		return err
	})
	require.NoError(t, err)
	return files
}

func gunzip(t *testing.T, text string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(text))
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	return string(data)
}

var line = bootparam.Cmdline{
	Consoles: []string{"tty0", "ttyS1,115200"},
	NFSRoot:  &bootparam.NFSRoot{Server: netip.MustParseAddr("10.77.0.1"), Path: "/srv/pi17/root", Version: bootparam.V4_2},
	IP:       &bootparam.IP{Client: netip.MustParseAddr("10.77.0.17"), Netmask: 24, Hostname: "pi17", Device: "eth0", Autoconf: bootparam.Off},
	ReadOnly: true, Panic: 10, Extra: []string{"systemd.show_status=1", `dyndbg="file a.c +p"`},
}

func TestAssemble(t *testing.T) {
	src := newPackages(t, "arm64", "/broadcom", "bcm2837-rpi-3-b.dtb", "bcm2711-rpi-4-b.dtb", "bcm2711-rpi-400.dtb", "bcm2835-other.dtb")
	dst := filepath.Join(t.TempDir(), "pi17")
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := boottree.Options{
		Source: src, Models: []boottree.Model{boottree.Pi3, boottree.Pi400}, Cmdline: line, SourceDate: date,
		Config: bootparam.ConfigTXT{{Filters: []string{"pi4"}, Settings: []bootparam.Setting{{Key: "core_freq", Value: "360"}}}},
		MakeInitrd: func(_ context.Context, modules string) ([]byte, error) {
			require.Equal(t, "6.1.0-50-test", filepath.Base(modules))
			require.FileExists(t, filepath.Join(modules, "kernel/x/genet.ko"))
			return []byte("initramfs"), nil
		},
	}
	report, err := boottree.Assemble(t.Context(), o, dst)
	require.NoError(t, err)
	files := read(t, dst)
	require.Equal(t, image, gunzip(t, files["vmlinuz"]))
	delete(files, "vmlinuz")
	cmdline, err := line.Text()
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"bcm2837-rpi-3-b.dtb": "tree bcm2837-rpi-3-b.dtb", "bcm2711-rpi-400.dtb": "tree bcm2711-rpi-400.dtb",
		"bootcode.bin": "firmware bootcode.bin", "start.elf": "firmware start.elf", "fixup.dat": "firmware fixup.dat",
		"start4.elf": "firmware start4.elf", "fixup4.dat": "firmware fixup4.dat", "overlays/a.dtbo": "overlay",
		"initrd.img": "initramfs", "cmdline.txt": cmdline,
		"config.txt": `arm_64bit=1
enable_uart=1
upstream_kernel=1
kernel=vmlinuz
initramfs initrd.img followkernel
[all]
[pi4]
core_freq=360
[all]
`,
	}, files)
	require.Equal(t, "1.0", report.Firmware)
	require.Equal(t, int64(len(image)), report.RawImage)
	require.Equal(t, o.Models, report.Models)
	require.Len(t, report.Files, len(files)+1)
	var size int64
	for i, f := range report.Files {
		info, err := os.Stat(filepath.Join(dst, f.Name))
		require.NoError(t, err)
		require.Equal(t, f.Size, info.Size())
		require.Equal(t, fs.FileMode(0o644), info.Mode())
		require.True(t, date.Equal(info.ModTime()), f.Name)
		require.NotEmpty(t, f.From)
		if i > 0 {
			require.Less(t, report.Files[i-1].Name, f.Name)
		}
		size += f.Size
	}
	require.Equal(t, size, report.Size())

	again := filepath.Join(t.TempDir(), "again")
	_, err = boottree.Assemble(t.Context(), o, again)
	require.NoError(t, err)
	require.Equal(t, read(t, dst), read(t, again))
}

func TestAssembleAllModels(t *testing.T) {
	src := newPackages(t, "armhf", "", "bcm2836-rpi-2-b.dtb", "bcm2711-rpi-cm4-io.dtb")
	dst := filepath.Join(t.TempDir(), "all")
	report, err := boottree.Assemble(t.Context(), boottree.Options{Source: src, Initrd: []byte("given")}, dst)
	require.NoError(t, err)
	require.Equal(t, []boottree.Model{boottree.Pi2, boottree.CM4}, report.Models)
	files := read(t, dst)
	require.Equal(t, image, files["vmlinuz"], "a 32-bit kernel is compressed already")
	require.Equal(t, "given", files["initrd.img"])
	require.Contains(t, files["config.txt"], "arm_64bit=0\n")
	require.Equal(t, "root=/dev/nfs rw ip=dhcp\n", files["cmdline.txt"])
}

func TestAssembleWithoutFirmware(t *testing.T) {
	src := newPackages(t, "arm64", "/broadcom", "bcm2712-rpi-5-b.dtb")
	dst := filepath.Join(t.TempDir(), "pi5")
	report, err := boottree.Assemble(t.Context(), boottree.Options{Source: src, RawKernel: true}, dst)
	require.NoError(t, err)
	require.Zero(t, src.firmware, "a Pi 5 has its firmware in flash")
	require.Empty(t, report.Firmware)
	files := read(t, dst)
	require.Equal(t, image, files["vmlinuz"])
	require.NotContains(t, files["config.txt"], "initramfs")
	require.NotContains(t, files, "initrd.img")
}

func TestAssembleFails(t *testing.T) {
	good := newPackages(t, "arm64", "/broadcom", "bcm2711-rpi-4-b.dtb")
	boom := errors.New("boom")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	without := func(name string) *packages {
		p := *good
		p.paths = map[string]string{good.kernel.Name: good.paths[good.kernel.Name], "raspi-firmware": good.paths["raspi-firmware"]}
		delete(p.paths, name)
		return &p
	}
	swapped := without("")
	swapped.paths[good.kernel.Name] = good.paths["raspi-firmware"]
	none := newPackages(t, "arm64", "/broadcom")
	tests := []struct {
		name string
		ctx  context.Context
		o    boottree.Options
		is   error
		want string
	}{
		{"no source", t.Context(), boottree.Options{}, nil, "no Source"},
		{"unknown model", t.Context(), boottree.Options{Source: good, Models: []boottree.Model{"6"}}, nil, `model "6" is not one of`},
		{"model without a tree", t.Context(), boottree.Options{Source: good, Models: []boottree.Model{boottree.Pi5}}, fs.ErrNotExist, "model 5B: kernel 6.1.0-50-test"},
		{"no tree at all", t.Context(), boottree.Options{Source: none}, fs.ErrNotExist, "no device tree of a Pi"},
		{"command line", t.Context(), boottree.Options{Source: good, Cmdline: bootparam.Cmdline{Extra: []string{"a b"}}}, nil, "Extra"},
		{"config", t.Context(), boottree.Options{Source: good, Config: bootparam.ConfigTXT{{Settings: []bootparam.Setting{{Key: "a\n"}}}}}, nil, "Key"},
		{"no such kernel", t.Context(), boottree.Options{Source: good, Kernel: "linux-image-x"}, fs.ErrNotExist, "linux-image-x"},
		{"kernel cannot be had", t.Context(), boottree.Options{Source: without(good.kernel.Name)}, fs.ErrNotExist, "linux-image"},
		{"firmware cannot be had", t.Context(), boottree.Options{Source: without("raspi-firmware")}, fs.ErrNotExist, "raspi-firmware"},
		{"kernel package without a kernel", t.Context(), boottree.Options{Source: swapped}, fs.ErrNotExist, "has 0 kernels in /boot"},
		{"initramfs", t.Context(), boottree.Options{Source: good, MakeInitrd: func(context.Context, string) ([]byte, error) { return nil, boom }}, boom, "initramfs for 6.1.0-50-test"},
		{"cancelled", cancelled, boottree.Options{Source: good}, context.Canceled, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parent := t.TempDir()
			dst := filepath.Join(parent, "pi")
			write(t, filepath.Join(dst, "old"), "old")
			_, err := boottree.Assemble(tt.ctx, tt.o, dst)
			require.ErrorContains(t, err, tt.want)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			require.Equal(t, map[string]string{"pi/old": "old"}, read(t, parent), "the old tree is whole, and nothing else is left")
		})
	}
	_, err := boottree.Assemble(t.Context(), boottree.Options{Source: good}, filepath.Join(t.TempDir(), "no/parent"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// An old tree is replaced in one step, files that are being served stay whole.
func TestAssembleReplaces(t *testing.T) {
	src := newPackages(t, "arm64", "/broadcom", "bcm2711-rpi-4-b.dtb")
	parent := t.TempDir()
	dst := filepath.Join(parent, "pi")
	write(t, filepath.Join(dst, "config.txt"), "old")
	write(t, filepath.Join(dst, "gone"), "old")
	serving, err := os.Open(filepath.Join(dst, "config.txt"))
	require.NoError(t, err)
	defer serving.Close()
	_, err = boottree.Assemble(t.Context(), boottree.Options{Source: src}, dst)
	require.NoError(t, err)
	old, err := io.ReadAll(serving)
	require.NoError(t, err)
	require.Equal(t, "old", string(old))
	files := read(t, parent)
	require.NotContains(t, files, "pi/gone")
	require.True(t, strings.HasPrefix(files["pi/config.txt"], "arm_64bit=1\n"))
	for name := range files {
		require.True(t, strings.HasPrefix(name, "pi/"), name)
	}
	require.True(t, bytes.HasPrefix([]byte(files["pi/vmlinuz"]), []byte("\x1f\x8b")))
}
