package initramfs_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
)

// TestRealPC boots emulated PCs by Debian's kernel and our initramfs, with their
// root on nfs-ganesha.
func TestRealPC(t *testing.T) {
	peer.Need(t, "qemu-system-x86_64")
	l := newLab(t, nfsroot.AMD64)
	k := debianKernel(t, "linux-image-6.1.0-*-cloud-amd64")
	initrd := k.build(t, nfsroot.AMD64, initramfs.Virt())
	srv := l.serve(t, l.config(l.root, guestAddr))

	t.Run("NFS 3, static", func(t *testing.T) {
		g := l.guest(t, k, initrd, guestIP+" nfsroot="+l.root+",vers=3 sunrpc.tcp_max_slot_table_entries=64 -- --one two")
		ended(t, g)
		out := g.Output()
		require.Contains(t, out, marker+" as pi1 with arguments --one two")
		require.Contains(t, out, " / nfs rw,")
		require.Contains(t, out, "nolock,proto=tcp")
		require.Contains(t, out, "\n64\r\n", "parameters of modules")
		require.Contains(t, out, "IPV4ADDR='"+guestAddr+"'")
		require.Contains(t, out, ",-;nfsinit: root ", "the kernel's log has it too")
		written, err := os.ReadFile(filepath.Join(l.root, "etc/guest"))
		require.NoError(t, err)
		require.Equal(t, "written by the guest\n", string(written))
	})
	t.Run("NFS 4.2, static, read only, interface by its address", func(t *testing.T) {
		g := l.guest(t, k, initrd, "ro BOOTIF=01-52-54-00-77-00-0B ip="+guestAddr+":::255.255.255.0 nfsroot="+serverAddr+":"+l.root+",vers=4.2,hard init=/bin/../sbin/init")
		ended(t, g)
		require.Contains(t, g.Output(), marker)
		require.Contains(t, g.Output(), " / nfs4 ro,")
		require.Contains(t, g.Output(), "vers=4.2")
		require.Contains(t, g.Output(), "clientaddr="+guestAddr)
	})
	t.Run("DHCP says all", func(t *testing.T) {
		l.dnsmasq(t)
		g := l.guest(t, k, initrd, "ip=dhcp")
		ended(t, g)
		out := g.Output()
		require.Contains(t, out, "by DHCP")
		require.Contains(t, out, marker+" as dhcp-name")
		require.Contains(t, out, "vers=4.2")
		require.Contains(t, out, "nameserver 10.77.0.53")
		require.Contains(t, out, "DNSDOMAIN='rack.example'")
		require.Contains(t, out, "IPV4GATEWAY='10.77.0.254'")
	})
	t.Run("everything is wrong at first", func(t *testing.T) {
		srv.Stop()
		missing := filepath.Join(l.root, "srv")
		g := l.guest(t, k, initrd, guestIP+" nfsroot="+missing+",vers=3")
		await(t, g, "is up but nothing listens on TCP port 2049")
		srv.Restart()
		await(t, g, "the server refuses "+missing+" to "+guestAddr)
		require.NoError(t, os.Mkdir(missing, 0o755))
		await(t, g, "holds no program /sbin/init")
		for _, dir := range []string{"dev", "proc", "sys", "run", "etc", "bin", "sbin"} { // init comes last
			require.NoError(t, os.CopyFS(filepath.Join(missing, dir), os.DirFS(filepath.Join(l.root, dir))))
		}
		ended(t, g)
		require.Contains(t, g.Output(), marker)
	})
	t.Run("the limit starts it again", func(t *testing.T) {
		g := l.guest(t, k, initrd, guestIP+" nfsroot="+l.root+"/none,vers=4.2 nfsinit.limit=3")
		ended(t, g) // as QEMU is told not to restart
		require.Contains(t, g.Output(), "the server has no "+l.root+"/none, or does not show it to "+guestAddr)
		require.Contains(t, g.Output(), "no root within the time that nfsinit.limit gives")
	})
	t.Run("what it cannot do starts it again by panic=", func(t *testing.T) {
		g := l.guest(t, k, initrd, "root=/dev/sda1 panic=1")
		ended(t, g)
		require.Contains(t, g.Output(), "root=/dev/sda1: nfsinit mounts root=/dev/nfs only")
		require.Contains(t, g.Output(), "starts again in 1 s")
	})
}

// TestRealPi3 boots QEMU's Raspberry Pi 3B by Debian's arm64 kernel and its
// device tree.
func TestRealPi3(t *testing.T) {
	qemu := peer.Look(t, "qemu-system-aarch64")
	l := newLab(t, nfsroot.ARM64)
	k := debianKernel(t, "linux-image-6.1.0-*-arm64:arm64")
	initrd := k.build(t, nfsroot.ARM64, initramfs.Pi())
	l.serve(t, l.config(l.root, guestAddr))
	g := peer.Start(t, l.ns.Command(qemu, "-M", "raspi3b", "-m", "1G", "-nodefaults", "-display", "none", "-no-reboot",
		"-kernel", k.image, "-initrd", initrd, "-dtb", filepath.Join(k.dtbs, "broadcom/bcm2837-rpi-3-b.dtb"),
		"-serial", "null", "-serial", "stdio", // the second is the mini UART
		"-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", "usb-net,netdev=n0,mac=b8:27:eb:77:00:0b", // one of a Pi's: with QEMU's own it would be usb0
		"-append", "earlycon=uart8250,mmio32,0x3f215040 console=ttyS1,115200 root=/dev/nfs net.ifnames=0 rw cma=64M "+
			guestIP+" nfsroot="+l.root+",vers=3"), peer.Options{Grace: -1})
	await(t, g, marker+" as pi1", "/sys/class/net", "the guest ends")
	t.Logf("seconds since the kernel started: %s", stamps(g.Output()))
}

// TestRealWatchdog shows that the hardware is fed while there is no root, and
// stopped when there is. QEMU's Pi resets itself as soon as its watchdog is
// started, so this is a PC.
func TestRealWatchdog(t *testing.T) {
	l := newLab(t, nfsroot.AMD64)
	k := debianKernel(t, "linux-image-6.1.0-*-amd64")
	initrd := k.build(t, nfsroot.AMD64, initramfs.Virt())
	srv := l.serve(t, l.config(l.root, guestAddr))
	srv.Stop()
	g := l.guest(t, k, initrd, guestIP+" nfsinit.watchdog=10 stay=15 nfsroot="+l.root+",vers=3",
		"-device", "i6300esb", "-action", "watchdog=reset")
	waited := slices.Repeat([]string{"same reason"}, 6) // for half a minute
	await(t, g, append([]string{"watchdog resets this machine after 10s", "nothing listens"}, waited...)...)
	srv.Restart()
	ended(t, g)
	require.Contains(t, g.Output(), "the guest ends", "it was not reset after its root was mounted")
}
