package realtest

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// guest is the system that machines boot: Debian's kernel, and a first RAM disk
// with busybox and the kernel modules for the network.
type guest struct {
	kernel string // path
	initrd []byte
	marker string // comes by the kernel's command line, and is said at the end
	token  string // to be served as the file "token", which the system fetches
}

// says matches the system's last words, with its address and the token.
func (g guest) says() *regexp.Regexp {
	return regexp.MustCompile(`up ` + g.marker + ` address=(\S*) token=(\S*) kernel=(\S+)\s`)
}

// args is the kernel's command line.
func (g guest) args(console string) string {
	return "console=" + console + " loglevel=4 hostkit.server=" + labServer + " hostkit.marker=" + g.marker
}

// newGuest builds the system from a Debian kernel package.
func newGuest(t testing.TB, pkg, arch string, modules ...string) guest {
	t.Helper()
	g := guest{kernel: peer.DebFile(t, pkg, "boot/vmlinuz-*"), marker: rand.Text(), token: rand.Text()}
	busybox, err := os.ReadFile(peer.DebFile(t, "busybox-static:"+arch, "bin/busybox"))
	require.NoError(t, err)
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	c := &cpio{w: zip}
	for _, dir := range []string{"bin", "dev", "lib", "proc", "sys"} {
		c.add(dir, 0o40755, nil)
	}
	c.add("bin/busybox", 0o100755, busybox)
	c.add("init", 0o100755, []byte(initScript))
	c.add("lease", 0o100755, []byte(leaseScript))
	var load strings.Builder
	for _, path := range moduleFiles(t, filepath.Dir(filepath.Dir(g.kernel)), modules) {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		c.add("lib/"+filepath.Base(path), 0o100644, data)
		load.WriteString(filepath.Base(path) + "\n")
	}
	c.add("modules", 0o100644, []byte(load.String()))
	c.close()
	require.NoError(t, c.err)
	require.NoError(t, zip.Close())
	g.initrd = out.Bytes()
	return g
}

const initScript = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in $(cat /modules); do insmod /lib/$module; done
tries=0
while [ ! -e /sys/class/net/eth0 ] && [ $tries -lt 150 ]; do sleep 0.2; tries=$((tries+1)); done
ip link set eth0 up
udhcpc -i eth0 -n -q -t 10 -T 1 -s /lease
. /leased
for word in $(cat /proc/cmdline); do
	case $word in
	hostkit.server=*) server=${word#*=} ;;
	hostkit.marker=*) marker=${word#*=} ;;
	esac
done
tftp -g -r token -l /token $server
echo "up $marker address=$address token=$(cat /token) kernel=$(uname -r)"
sync
reboot -f
`

const leaseScript = `#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip address add $ip/$mask dev $interface
echo "address=$ip" > /leased
`

// moduleFiles returns the files of the modules and of what these depend on, in
// the order to load them in. Modules that are built into the kernel have none.
func moduleFiles(t testing.TB, root string, names []string) []string {
	t.Helper()
	byName := make(map[string]string)
	err := filepath.WalkDir(filepath.Join(root, "lib/modules"), func(path string, _ fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(filepath.Base(path), ".ko"); ok {
			byName[moduleName(name)] = path
		}
		return err
	})
	require.NoError(t, err)
	var files []string
	seen := make(map[string]bool)
	var add func(name string)
	add = func(name string) {
		path := byName[moduleName(name)]
		if path == "" || seen[path] {
			return
		}
		seen[path] = true
		for _, dep := range dependencies(t, path) {
			add(dep)
		}
		files = append(files, path)
	}
	for _, name := range names {
		add(name)
	}
	return files
}

func moduleName(s string) string { return strings.ReplaceAll(s, "-", "_") }

// dependencies reads what a module says that it needs.
func dependencies(t testing.TB, path string) []string {
	t.Helper()
	f, err := elf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Section(".modinfo").Data()
	require.NoError(t, err)
	for field := range strings.SplitSeq(string(info), "\x00") {
		if deps, ok := strings.CutPrefix(field, "depends="); ok && deps != "" {
			return strings.Split(deps, ",")
		}
	}
	return nil
}

// cpio writes an archive in the format "newc", which is that of the kernel's
// first RAM disk.
type cpio struct {
	w   io.Writer
	n   int // entries
	err error
}

func (c *cpio) add(name string, mode int, data []byte) {
	c.n++
	// Magic, inode, mode, uid, gid, links, time, size, device and special
	// device, length of the name with its NUL, and a check that newc leaves 0.
	head := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		c.n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	c.padded([]byte(head + name + "\x00"))
	c.padded(data)
}

func (c *cpio) padded(p []byte) {
	for len(p)%4 != 0 {
		p = append(p[:len(p):len(p)], 0)
	}
	if c.err == nil {
		_, c.err = c.w.Write(p)
	}
}

func (c *cpio) close() { c.add("TRAILER!!!", 0, nil) }
