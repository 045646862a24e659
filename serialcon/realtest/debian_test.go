package realtest

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// debianUnit keeps a console inside of the guest. The instance is its device.
const debianUnit = `[Unit]
Description=Console on %i
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/local/bin/onecon -name %i -device %i -dir /var/log/consoles
Restart=always
RestartSec=0
FileDescriptorStoreMax=1
NotifyAccess=main
StandardOutput=append:/run/%i.events
StandardError=inherit
`

// usbModules are what a serial adapter by USB needs, in Debian's kernel.
var usbModules = []string{
	"drivers/usb/common/usb-common.ko", "drivers/usb/core/usbcore.ko",
	"drivers/usb/host/xhci-hcd.ko", "drivers/usb/host/xhci-pci.ko",
	"drivers/usb/serial/usbserial.ko", "drivers/usb/serial/ftdi_sio.ko",
}

// needless is what a guest boots without.
var needless = []string{
	"boot/", "usr/share/doc/", "usr/share/locale/", "usr/share/man/", "usr/share/info/", "usr/share/zoneinfo/", "usr/share/i18n/",
	"usr/share/perl/", "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/gconv/", "usr/lib/udev/hwdb.bin",
	"var/lib/apt/", "var/cache/", "var/lib/dpkg/info/",
}

// debian is a Debian with systemd and udev, as an initramfs, with its kernel.
func debian(t *testing.T) (kernel, initrd string) {
	t.Helper()
	kernel = peer.DebFile(t, "linux-image-6.1.0-*-amd64", "boot/vmlinuz-*")
	version := strings.TrimPrefix(filepath.Base(kernel), "vmlinuz-")
	modules := moduleTree(t, filepath.Join(filepath.Dir(filepath.Dir(kernel)), "lib/modules", version))
	program, err := os.ReadFile(onecon(t))
	require.NoError(t, err)
	root := filepath.Join(t.TempDir(), "root.tar")
	out, err := exec.Command(peer.Look(t, "mmdebstrap"), "--variant=essential", "--include=systemd-sysv,udev,kmod", "bookworm", root).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return kernel, initramfs(t, func(a *archive) {
		a.add("usr/local/bin/onecon", modeProgram, program)
		a.add("etc/systemd/system/onecon@.service", modeFile, []byte(debianUnit))
		a.add("var/log/consoles", 0o040755, nil)
		a.add("etc/hostname", modeFile, []byte("pi-042\n"))
		a.add("etc/fstab", modeFile, nil)
		addTar(t, a, root)
		addFolder(t, a, modules, "usr/lib/modules/"+version)
		a.add("init", modeLink, []byte("/usr/sbin/init"))
	})
}

// moduleTree is a folder with the modules of USB, and depmod's indexes.
func moduleTree(t *testing.T, from string) string {
	t.Helper()
	base := t.TempDir()
	to := filepath.Join(base, "lib/modules", filepath.Base(from))
	files := []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"}
	for _, name := range usbModules {
		files = append(files, "kernel/"+name)
	}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(to, name), data, 0o644))
	}
	out, err := exec.Command(peer.Look(t, "depmod"), "-b", base, filepath.Base(from)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return to
}

func addFolder(t *testing.T, a *archive, dir, to string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rest, _ := filepath.Rel(dir, name)
		a.add(filepath.Join(to, rest), modeFile, data)
		return err
	})
	require.NoError(t, err)
}

// addTar adds a root. The superuser logs in without a password.
func addTar(t *testing.T, a *archive, name string) {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	files := map[string][]byte{} // by name, for hard links
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		name := strings.TrimPrefix(h.Name, "./")
		if skipped(name) {
			continue
		}
		mode := uint32(h.Mode & 0o7777)
		switch h.Typeflag {
		case tar.TypeDir:
			a.add(name, 0o040000|mode, nil)
		case tar.TypeSymlink:
			a.add(name, modeLink, []byte(h.Linkname))
		case tar.TypeLink:
			a.add(name, 0o100000|mode, files[strings.TrimPrefix(h.Linkname, "./")])
		case tar.TypeReg:
			data, err := io.ReadAll(r)
			require.NoError(t, err)
			if name == "etc/shadow" {
				data = bytes.Replace(data, []byte("root:*:"), []byte("root::"), 1)
			}
			files[name] = data
			a.add(name, 0o100000|mode, data)
		}
	}
}

func skipped(name string) bool {
	for _, prefix := range needless {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
