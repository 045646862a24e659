package boottree_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/boottree"
)

// dpkg installs packages in the root as on a Pi: their own scripts run, and the
// database is the root's own. The modules are left out, which are most of a
// kernel's package and nothing here reads; so is what the packages depend on,
// which this machine's folders stand for.
func (r *root) dpkg(debs ...string) {
	r.t.Helper()
	dir := filepath.Join(r.dir, "debs")
	require.NoError(r.t, os.MkdirAll(dir, 0o755))
	inside := make([]string, 0, len(debs))
	for _, path := range debs {
		require.NoError(r.t, os.Link(path, filepath.Join(dir, filepath.Base(path))))
		inside = append(inside, "/debs/"+filepath.Base(path))
	}
	script := `set -e
cd "$1"
shift
mount --bind . .
cd "$PWD"
mkdir -p usr dev proc work tmp var/lib/dpkg/info var/lib/dpkg/updates var/lib/dpkg/triggers var/cache/debconf var/log
cp /etc/debconf.conf etc/
touch var/lib/dpkg/status
mount -t overlay overlay -o lowerdir=/usr,upperdir=upper,workdir=work usr
mount --rbind /dev dev
mount --rbind /proc proc
exec chroot . /usr/bin/env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
	/usr/bin/dpkg --force-architecture --force-depends --force-unsafe-io --force-confold --force-overwrite \
	--path-exclude='/lib/modules/*/kernel/*' --install "$@"`
	args := append([]string{"--mount", "sh", "-c", script, "sh", r.dir}, inside...)
	out, err := exec.CommandContext(r.t.Context(), peer.Look(r.t, "unshare"), args...).CombinedOutput()
	require.NoError(r.t, err, string(out))
}

// A kernel's package that dpkg installs in a root leaves the Pi booting from NFS,
// from the new kernel.
func TestRealKernelPackage(t *testing.T) {
	src := debian(t, "bookworm", nfsroot.ARM64)
	r := newRoot(t, "bookworm")
	files, err := boottree.RaspiFirmwareDefaults(line, bootparam.ConfigTXT{{Settings: []bootparam.Setting{{Key: "gpu_mem", Value: "16"}}}})
	require.NoError(t, err)
	for name, text := range files {
		r.write(name, text)
	}
	// Here the hook comes with its package.
	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "etc/kernel")))
	kernel, err := src.Kernel(t.Context(), "linux-image-arm64")
	require.NoError(t, err)
	var debs []string
	for _, name := range []string{"raspi-firmware", "linux-base", kernel.Name} {
		path, _, err := src.Fetch(t.Context(), name)
		require.NoError(t, err)
		debs = append(debs, path)
	}
	version := strings.TrimPrefix(kernel.Name, "linux-image-")

	r.dpkg(debs[:2]...)
	r.write("boot/initrd.img-"+version, "initramfs "+version) // as update-initramfs does
	r.dpkg(debs[2])
	r.checkFiles(version)
	image, err := os.ReadFile(filepath.Join(r.dir, "boot/vmlinuz-"+version))
	require.NoError(t, err)
	require.Equal(t, string(image), r.read("boot/firmware/vmlinuz-"+version))
}
