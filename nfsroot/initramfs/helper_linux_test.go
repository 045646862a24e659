package initramfs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
echo "` + marker + ` after $($bb cut -d. -f1 /proc/uptime) s, as $($bb hostname), with args $*"
$bb grep ' / ' /proc/mounts
$bb cat /run/net-*.conf /run/nfsinit/resolv.conf
echo written by the guest > /etc/guest
$bb ls -l /dev/console /proc/self/exe /sys/class/net
$bb df / | $bb tail -1
echo "end of init"
$bb poweroff -f
`
	require.NoError(t, os.WriteFile(filepath.Join(root, "sbin/init"), []byte(script), 0o755))
	return root
}

// lab is a network with a server's namespace and a tap for a guest.
type lab struct {
	t  *testing.T
	ns *netnstest.NS
}

func newLab(t *testing.T) lab {
	t.Helper()
	ns := netnstest.New(t)
	ns.Tap("tap0")
	ns.Bridge("br0", "tap0")
	ns.IP("addr", "add", "10.77.0.1/24", "dev", "br0")
	return lab{t, ns}
}

// serve starts nfs-ganesha for one folder.
func (l lab) serve(path string) *peer.Process {
	l.t.Helper()
	dir := l.t.TempDir()
	conf := fmt.Sprintf(`NFS_CORE_PARAM { Protocols = 3,4; Bind_addr = 10.77.0.1; MNT_Port = 20048; NLM_Port = 32803; Enable_RQUOTA = false; }
NFSv4 { Graceless = true; Only_Numeric_Owners = true; RecoveryBackend = fs; }
EXPORT { Export_Id = 1; Path = %q; Pseudo = %q; Protocols = 3,4; Transports = TCP; Access_Type = NONE; SecType = sys; Attr_Expiration_Time = 0; FSAL { Name = VFS; }
 CLIENT { Clients = 10.77.0.11; Access_Type = RW; Squash = No_Root_Squash; } }
`, path, path)
	file := filepath.Join(dir, "ganesha.conf")
	require.NoError(l.t, os.WriteFile(file, []byte(conf), 0o644))
	peer.Need(l.t, "ganesha.nfsd", "rpcbind")
	cmd := l.ns.Command("unshare", "-m", "sh", "-c", `mount -t tmpfs tmpfs /run; mkdir -p /run/rpcbind /run/ganesha /run/nfs
mount -t tmpfs tmpfs /var/lib/nfs; mkdir -p /var/lib/nfs/ganesha/v4recov /var/lib/nfs/ganesha/v4old
rpcbind -w -h 10.77.0.1; exec ganesha.nfsd -F -f `+file+` -L STDERR -p `+dir+`/pid`)
	return peer.Start(l.t, cmd, peer.Options{Ready: func(ctx context.Context) error {
		return l.ns.Do(func() error {
			return exec.CommandContext(ctx, "true").Run()
		})
	}})
}

// guest starts a machine with 10.77.0.11's MAC.
func (l lab) guest(k kernel, initrd, cmdline string) *peer.Process {
	l.t.Helper()
	cmd := l.ns.Command("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512", "-display", "none", "-nodefaults",
		"-no-reboot", "-serial", "stdio", "-kernel", k.image, "-initrd", initrd,
		"-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device", "virtio-net-pci,netdev=n0,mac=52:54:00:77:00:0b,romfile=",
		"-append", "console=ttyS0,115200 root=/dev/nfs net.ifnames=0 rw "+cmdline)
	return peer.Start(l.t, cmd, peer.Options{})
}

func await(t *testing.T, p *peer.Process, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	_, err := p.WaitOutput(ctx, regexp.MustCompile(regexp.QuoteMeta(text)))
	require.NoError(t, err)
}
