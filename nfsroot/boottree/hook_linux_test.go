package boottree_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
	"github.com/mythic-beasts/hostkit/nfsroot/deb"
)

func debian(t *testing.T, suite string, arch nfsroot.Arch) *deb.Source {
	t.Helper()
	peer.Need(t, "apt-get", "apt-cache", "dpkg-deb")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	src := &deb.Source{Dir: filepath.Join(cache, "hostkit", "deb", suite+"-"+string(arch)), Suite: suite, Arch: arch}
	if arch == nfsroot.ARMHF { // few ask for its updates, and mirrors are slow to have them
		src.Mirrors = nfsroot.DebianMirrors(suite, time.Time{}, "main", "non-free-firmware")[:1]
	}
	if _, err := src.Package(t.Context(), "base-files"); err != nil {
		peer.Skip(t, "needs Debian's mirrors: %v", err)
	}
	return src
}

// root is a root of a Pi in which the hook of the real package runs: its shell
// and its programs are this machine's, and dpkg says that it is an arm64 one.
type root struct {
	t   *testing.T
	dir string
}

const (
	oldKernel = "6.1.0-9-arm64"
	newKernel = "6.1.0-50-arm64"
)

func newRoot(t *testing.T, suite string) *root {
	t.Helper()
	peer.NeedRoot(t)
	path, _, err := debian(t, suite, nfsroot.ARM64).Fetch(t.Context(), "raspi-firmware")
	require.NoError(t, err)
	r := &root{t, filepath.Join(t.TempDir(), "root")}
	firmware := filepath.Join(t.TempDir(), "firmware")
	require.NoError(t, deb.Unpack(t.Context(), path, firmware))
	for _, file := range []string{"etc/kernel/postinst.d/z50-raspi-firmware", "etc/default/raspi-firmware"} {
		data, err := os.ReadFile(filepath.Join(firmware, file))
		require.NoError(t, err)
		r.write(file, string(data))
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		require.NoError(t, os.Symlink("usr/"+link, filepath.Join(r.dir, link)))
	}
	r.write("upper/local/bin/dpkg", "#!/bin/sh\necho arm64\n")
	r.install(oldKernel)
	return r
}

func (r *root) write(name, text string) {
	r.t.Helper()
	write(r.t, filepath.Join(r.dir, name), text)
	require.NoError(r.t, os.Chmod(filepath.Join(r.dir, name), 0o755))
}

func (r *root) read(name string) string {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	require.NoError(r.t, err)
	return string(data)
}

// install puts a kernel into the root, as its package and update-initramfs do.
func (r *root) install(version string) {
	r.t.Helper()
	r.write("boot/vmlinuz-"+version, "kernel "+version)
	r.write("boot/initrd.img-"+version, "initramfs "+version)
	r.write("upper/lib/linux-image-"+version+"/broadcom/bcm2711-rpi-4-b.dtb", "tree "+version)
}

// hook runs the hook as the kernel's package does when it is configured. What is
// mounted is so for this run only.
func (r *root) hook(mounts string) (string, error) {
	r.t.Helper()
	script := `set -e
cd "$1"
mount --bind . .
cd "$1"
mkdir -p usr dev proc work
mount -t overlay overlay -o lowerdir=/usr,upperdir=upper,workdir=work usr
mount --rbind /dev dev
mount --rbind /proc proc
` + mounts + `
exec chroot . /usr/bin/env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEB_MAINT_PARAMS="'configure' '6.1'" /etc/kernel/postinst.d/z50-raspi-firmware`
	out, err := exec.CommandContext(r.t.Context(), peer.Look(r.t, "unshare"), "--mount", "sh", "-c", script, "sh", r.dir).CombinedOutput()
	return string(out), err
}

func (r *root) cmdline() bootparam.Cmdline {
	r.t.Helper()
	c, err := bootparam.ParseCmdline(r.read("boot/firmware/cmdline.txt"))
	require.NoError(r.t, err)
	return c
}

// The real hook writes the build host's disk into cmdline.txt, and with the
// defaults it writes what was asked for, at each upgrade.
func TestRealHook(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			r := newRoot(t, suite)
			out, err := r.hook("")
			require.NoError(t, err, out)
			require.NotEqual(t, bootparam.DevNFS, r.cmdline().Root, "the trap is gone: are the defaults still needed?")
			require.Nil(t, r.cmdline().NFSRoot)
			t.Logf("without defaults: %s", r.read("boot/firmware/cmdline.txt"))

			config := bootparam.ConfigTXT{{Settings: []bootparam.Setting{{Key: "gpu_mem", Value: "16"}}}}
			files, err := boottree.RaspiFirmwareDefaults(line, config)
			require.NoError(t, err)
			for name, text := range files {
				r.write(name, text)
			}
			for _, kernel := range []string{oldKernel, newKernel} {
				r.install(kernel)
				out, err := r.hook("")
				require.NoError(t, err, out)
				r.check(kernel)
			}
			t.Logf("with defaults: %s", r.read("boot/firmware/cmdline.txt"))
		})
	}
}

// check compares what the hook wrote with what was asked for.
func (r *root) check(kernel string) {
	r.t.Helper()
	r.checkFiles(kernel)
	require.Equal(r.t, "tree "+kernel, r.read("boot/firmware/bcm2711-rpi-4-b.dtb"))
}

func (r *root) checkFiles(kernel string) {
	r.t.Helper()
	have := r.cmdline()
	require.Equal(r.t, bootparam.DevNFS, have.Root)
	require.Equal(r.t, line.NFSRoot, have.NFSRoot)
	require.Equal(r.t, line.IP, have.IP)
	require.Equal(r.t, line.Consoles, have.Consoles)
	require.Equal(r.t, line.ReadOnly, have.ReadOnly)
	require.Equal(r.t, line.Panic, have.Panic)
	require.Equal(r.t, append([]string{"fsck.repair=yes", "net.ifnames=0", "rootwait"}, line.Extra...), have.Extra)

	config, err := bootparam.ParseConfigTXT(r.read("boot/firmware/config.txt"))
	require.NoError(r.t, err)
	for key, want := range map[string]string{
		"arm_64bit": "1", "gpu_mem": "16", "kernel": "vmlinuz-" + kernel, "initramfs": "initrd.img-" + kernel, "upstream_kernel": "1",
	} {
		value, found := config.Lookup(key, func(string) bool { return false })
		require.True(r.t, found, key)
		require.Equal(r.t, want, value)
	}
}

// On a running Pi the hook fails the upgrade, unless /boot/firmware is a mount
// point, which the unit among the defaults makes it.
func TestRealHookWantsMountPoint(t *testing.T) {
	r := newRoot(t, "trixie")
	for _, program := range []string{"ischroot", "systemd-detect-virt"} {
		r.write("upper/local/bin/"+program, "#!/bin/sh\nexit 1\n")
	}
	require.NoError(t, os.MkdirAll(filepath.Join(r.dir, "boot/firmware"), 0o755))
	out, err := r.hook("")
	require.Error(t, err)
	require.Contains(t, out, "missing /boot/firmware")

	files, err := boottree.RaspiFirmwareDefaults(line, nil)
	require.NoError(t, err)
	for name, text := range files {
		r.write(name, text)
	}
	out, err = r.hook("mount --bind boot/firmware boot/firmware")
	require.NoError(t, err, out)
	require.Equal(t, bootparam.DevNFS, r.cmdline().Root)

	verdict, err := exec.CommandContext(t.Context(), peer.Look(t, "systemd-analyze"), "verify", "--man=no",
		filepath.Join(r.dir, "etc/systemd/system/boot-firmware.mount")).CombinedOutput()
	require.NoError(t, err, string(verdict))
}
