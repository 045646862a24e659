package realtest

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/netboot"
)

const armKernel = "linux-image-6.1.0-*-arm64:arm64"

// arm puts a guest for 64-bit ARM among the lab's files.
func (l *lab) arm(modules ...string) guest {
	l.t.Helper()
	g := newGuest(l.t, armKernel, "arm64", modules...)
	l.copy("vmlinuz", g.kernel)
	l.write("initrd.img", g.initrd)
	l.write("token", []byte(g.token))
	return g
}

// bootScript makes a U-Boot image of commands, and puts it among the lab's
// files.
func (l *lab) bootScript(commands string) {
	l.t.Helper()
	mkimage := peer.Look(l.t, "mkimage")
	l.write("boot.cmd", []byte(commands))
	out, err := exec.Command(mkimage, "-A", "arm64", "-T", "script", "-C", "none",
		"-d", filepath.Join(l.dir, "boot.cmd"), filepath.Join(l.dir, "boot.scr.uimg")).CombinedOutput()
	require.NoError(l.t, err, string(out))
}

func TestRealUBoot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	g := l.arm("virtio_mmio", "virtio_net")
	l.bootScript(fmt.Sprintf(`setenv bootargs "%s"
setenv tftpwindowsize 16
tftpboot ${kernel_addr_r} vmlinuz || exit
tftpboot ${ramdisk_addr_r} initrd.img || exit
booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}
`, g.args("ttyAMA0")))
	s := l.serve(serverConf{})
	firmware := peer.DebFile(t, "u-boot-qemu", "usr/lib/u-boot/qemu_arm64/u-boot.bin")
	l.boots(l.qemu("qemu-system-aarch64", "-accel", "tcg,thread=multi", "-M", "virt", "-cpu", "cortex-a53", "-m", "1G",
		"-bios", firmware, "-serial", "stdio", "-device", "virtio-net-device,netdev=n0,mac="+labMAC), g, 4*time.Minute)
	require.Subset(t, s.served(), []string{"boot.scr.uimg", "vmlinuz", "initrd.img", "token"})
	require.Equal(t, "U-Boot", s.first(t, netboot.Leased).Firmware)
	require.Equal(t, 1, s.request(t, "boot.scr.uimg").Window)
	require.Equal(t, 16, s.request(t, "vmlinuz").Window, "windows that U-Boot was told to ask for")
}

// QEMU has no boot ROM of a Pi: it puts the kernel into memory itself, and what
// is real is the Pi's kernel, its USB network card and the DHCP after it.
func TestRealPi3Kernel(t *testing.T) {
	t.Parallel()
	const mac = "b8:27:eb:28:f6:6d"
	l := newLab(t)
	g := l.arm("dwc2", "cdc_ether")
	tree := peer.DebFile(t, armKernel, "usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb")
	s := l.serve(serverConf{Machines: []machineConf{{Name: "pi3", MAC: mac, Addr: netip.MustParsePrefix(labMachine + "/24")}}})
	l.boots(l.qemu("qemu-system-aarch64", "-accel", "tcg,thread=multi", "-M", "raspi3b", "-m", "1G",
		"-kernel", g.kernel, "-dtb", tree, "-initrd", filepath.Join(l.dir, "initrd.img"), "-append", g.args("ttyS1,115200"),
		"-serial", "null", "-serial", "stdio", "-device", "usb-net,netdev=n0,mac="+mac), g, 4*time.Minute)
	require.Equal(t, "pi3", s.first(t, netboot.OSLease).Machine)
	require.Contains(t, s.served(), "token")
}
