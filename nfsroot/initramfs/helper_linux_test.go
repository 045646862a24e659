package initramfs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
)

// kernel is one out of a Debian package.
type kernel struct{ image, modules, dtbs string }

func debianKernel(t *testing.T, pkg string) kernel {
	t.Helper()
	image := peer.DebFile(t, pkg, "boot/vmlinuz-*")
	version := strings.TrimPrefix(filepath.Base(image), "vmlinuz-")
	root := filepath.Dir(filepath.Dir(image))
	return kernel{
		image:   image,
		modules: filepath.Join(root, "lib/modules", version),
		dtbs:    filepath.Join(root, "usr/lib/linux-image-"+version),
	}
}

// build makes an initramfs for a kernel and returns its path.
func (k kernel) build(t *testing.T, arch nfsroot.Arch, preset initramfs.Preset) string {
	t.Helper()
	init, err := initramfs.CompileInit(t.Context(), arch)
	require.NoError(t, err)
	tree, err := kmod.Open(k.modules)
	require.NoError(t, err)
	modules, err := preset.Closure(tree)
	require.NoError(t, err)
	var b bytes.Buffer
	report, err := initramfs.Build(&b, initramfs.Options{Init: init, Modules: modules})
	require.NoError(t, err)
	t.Logf("initramfs of %d bytes with %d modules", report.Size, len(report.Modules))
	path := filepath.Join(t.TempDir(), "initramfs.gz")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	return path
}

// marker is what the root's init prints.
const marker = "the root is up"

// tinyRoot makes a root of busybox alone, whose init says what it sees.
func tinyRoot(t *testing.T, arch nfsroot.Arch) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.Chmod(root, 0o755))
	for _, dir := range []string{"bin", "sbin", "dev", "proc", "sys", "run", "etc"} {
		require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	pkg := "busybox-static:" + string(arch)
	from, err := os.Open(peer.DebFile(t, pkg, "bin/busybox"))
	require.NoError(t, err)
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(root, "bin/busybox"), os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(to, from)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	script := `#!/bin/busybox sh
bb=/bin/busybox
echo "` + marker + ` as $($bb hostname) with arguments $*"
$bb grep ' / ' /proc/mounts
$bb cat /run/net-*.conf /run/nfsinit/resolv.conf
$bb grep . /sys/module/sunrpc/parameters/tcp_max_slot_table_entries
$bb ls /dev/console /proc/self/exe /sys/class/net
$bb grep -h nfsinit: /dev/kmsg & $bb sleep 1; $bb kill $!
echo written by the guest > /etc/guest
echo end of init
$bb sleep "${stay:-0}"
echo the guest ends
$bb poweroff -f
`
	require.NoError(t, os.WriteFile(filepath.Join(root, "sbin/init"), []byte(script), 0o755))
	return root
}

// The addresses of the lab.
const (
	serverAddr = "10.77.0.1"
	guestAddr  = "10.77.0.11"
	guestMAC   = "52:54:00:77:00:0b"
	guestIP    = "ip=" + guestAddr + ":" + serverAddr + "::255.255.255.0:pi1:eth0:off"
)

// lab is a network with a server's namespace and a tap for a guest.
type lab struct {
	ns   *netnstest.NS
	root string // of the guest
}

func newLab(t *testing.T, arch nfsroot.Arch) lab {
	t.Helper()
	ns := netnstest.New(t)
	ns.Tap("tap0")
	ns.Bridge("br0", "tap0")
	ns.AddAddr("br0", netip.MustParsePrefix(serverAddr+"/24"))
	return lab{ns: ns, root: tinyRoot(t, arch)}
}

// config exports a folder to one client.
func (l lab) config(path, client string) string {
	return fmt.Sprintf(`NFS_CORE_PARAM { Protocols = 3, 4; Bind_addr = %s; MNT_Port = 20048; Enable_RQUOTA = false; }
NFSv4 { Graceless = true; Only_Numeric_Owners = true; RecoveryBackend = fs; }
EXPORT {
	Export_Id = 1; Path = %q; Pseudo = %q; Protocols = 3, 4; Transports = TCP; SecType = sys;
	Access_Type = NONE; Attr_Expiration_Time = 0; FSAL { Name = VFS; }
	CLIENT { Clients = %s; Access_Type = RW; Squash = No_Root_Squash; }
}
`, serverAddr, path, path, client)
}

func (l lab) serve(t *testing.T, config string) *ganeshatest.Server {
	t.Helper()
	return ganeshatest.Start(t, l.ns, netip.MustParseAddr(serverAddr), config)
}

// guest starts a PC.
func (l lab) guest(t *testing.T, k kernel, initrd, cmdline string, devices ...string) *peer.Process {
	t.Helper()
	args := []string{
		"-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512", "-display", "none", "-nodefaults",
		"-no-reboot", "-serial", "stdio", "-kernel", k.image, "-initrd", initrd,
		"-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no",
		"-device", "virtio-net-pci,netdev=n0,mac=" + guestMAC + ",romfile=",
		"-append", "console=ttyS0,115200 quiet root=/dev/nfs net.ifnames=0 rw " + cmdline,
	}
	cmd := l.ns.Command(peer.Look(t, "qemu-system-x86_64"), append(args, devices...)...)
	return peer.Start(t, cmd, peer.Options{Grace: -1})
}

const bootTime = 5 * time.Minute // on a loaded machine

// await waits for texts on the console, one after the other.
func await(t *testing.T, p *peer.Process, texts ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	var re strings.Builder
	re.WriteString("(?s)")
	for i, text := range texts {
		if i > 0 {
			re.WriteString(".*")
		}
		re.WriteString(regexp.QuoteMeta(text))
	}
	_, err := p.WaitOutput(ctx, regexp.MustCompile(re.String()))
	require.NoError(t, err)
}

// ended waits until the guest has stopped itself.
func ended(t *testing.T, p *peer.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	require.NoError(t, p.Wait(ctx))
}

// dnsmasq gives the guest its address, and the root by root-path.
func (l lab) dnsmasq(t *testing.T) {
	t.Helper()
	cmd := l.ns.Command(peer.Look(t, "dnsmasq"), "--keep-in-foreground", "--port=0", "--log-facility=-", "--log-dhcp",
		"--conf-file=/dev/null", "--interface=br0", "--bind-interfaces", "--leasefile-ro", "--domain=rack.example",
		"--dhcp-range=10.77.0.0,static,255.255.255.0,1h",
		"--dhcp-host="+guestMAC+","+guestAddr+",dhcp-name",
		"--dhcp-option=option:router,10.77.0.254", "--dhcp-option=option:dns-server,10.77.0.53",
		"--dhcp-option=option:root-path,"+serverAddr+":"+l.root+",vers=4.2")
	peer.Start(t, cmd, peer.Options{ReadyOutput: regexp.MustCompile("DHCP, static leases only")})
}

var stamp = regexp.MustCompile(`nfsinit: \[ *([0-9.]+)\] ([0-9a-z]+ [a-z0-9]+)`)

// stamps are when nfsinit said what.
func stamps(console string) string {
	var all []string
	for _, m := range stamp.FindAllStringSubmatch(console, -1) {
		all = append(all, m[1]+" "+m[2])
	}
	return strings.Join(all, ", ")
}
