package realtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

const (
	piMAC    = "b8:27:eb:77:00:13"
	piSerial = 0x770013
)

// piRoot is Debian for a Pi 3B, whose kernel QEMU's emulation is known to run.
const piRoot = `
[root]
suite = "bookworm"
arch = "arm64"
`

// A Pi 3B: an emulated mask ROM loads firmware, kernel, device tree and initramfs
// from netbootd, QEMU's board runs what it loaded, and the root is ours.
func TestRealPi3(t *testing.T) {
	t.Parallel()
	pi := machine{name: "pi3", mac: piMAC, more: `model = "3B"
nfs_version = "3"
cmdline = ["cma=64M", "systemd.default_timeout_start_sec=900"]`}
	r := newRack(t, cacheSetting()+piRoot, pi)
	pi = r.machines[0]
	r.prepare()
	r.ganesha()
	r.netbootd()
	dir := r.load(pi)

	line, err := os.ReadFile(filepath.Join(dir, "cmdline.txt"))
	require.NoError(t, err)
	cmd := r.ns.Command(peer.Look(t, "qemu-system-aarch64"),
		"-M", "raspi3b", "-m", "1G", "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot",
		"-kernel", filepath.Join(dir, "vmlinuz"), "-initrd", filepath.Join(dir, "initrd.img"),
		"-dtb", r.path("boot/shared/bcm2837-rpi-3-b.dtb"),
		"-serial", "null", "-serial", "stdio", // the second is the mini UART
		"-netdev", "tap,id=n0,ifname="+pi.tap+",script=no,downscript=no", "-device", "usb-net,netdev=n0,mac="+piMAC,
		"-append", strings.TrimSpace(string(line)))
	qemu := peer.Start(t, cmd, peer.Options{Grace: -1})
	r.awaitSSH(pi, qemu, 15*time.Minute)
	r.healthy(pi)
	require.Equal(t, "Raspberry Pi 3 Model B", r.run(pi, "tr -d '\\0' </proc/device-tree/model"))
	require.Equal(t, "aarch64", r.run(pi, "uname -m"))
	require.Regexp(t, `^nfs .*\bvers=3\b`, r.run(pi, "findmnt -no FSTYPE,OPTIONS /"))
}

// load has an emulated mask ROM load what a Pi 3B loads, over the machine's own
// cable, and returns a folder with what it got.
func (r *rack) load(m machine) string {
	r.t.Helper()
	pi := netboottest.Pi{Model: rpi.Model3B, Serial: piSerial, RxBug: true, GiveUp: 5 * time.Second}
	far := r.neighbour(m)
	require.NoError(r.t, far.Do(func() (err error) {
		pi.Link, err = netboottest.ListenPacket("c0")
		return err
	}))
	defer pi.Link.Close()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Minute)
	defer cancel()
	boot, err := pi.Run(ctx)
	require.NoError(r.t, err)
	r.t.Logf("firmware loaded %s in %s", boot.Kernel, boot.Took.Round(100*time.Millisecond))
	dir := r.t.TempDir()
	for _, f := range boot.Files {
		if f.Outcome == netboottest.Got {
			r.keep(m, dir, f)
		}
	}
	return dir
}

// keep finds the file that was loaded among those that were to be served.
func (r *rack) keep(m machine, dir string, f netboottest.File) {
	r.t.Helper()
	_, name, found := strings.Cut(f.Name, "/")
	if !found {
		name = f.Name
	}
	for _, tree := range []string{m.name, "shared"} {
		data, err := os.ReadFile(r.path("boot/" + tree + "/" + name))
		if err != nil {
			continue
		}
		sum := sha256.Sum256(data)
		require.True(r.t, bytes.Equal(sum[:], f.SHA256[:]), "%s is not what is served", f.Name)
		require.NoError(r.t, os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o644))
		return
	}
	r.t.Fatalf("%s was loaded, and nobody served it", f.Name)
}
