package build

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// Sandbox is the [Runner] that runs programs for real: in mount and PID
// namespaces of their own, which end with this process however it ends, and
// without the right to set file capabilities. The zero value is ready to use.
//
// Root's programs of another architecture run by qemu-user. When the system has
// not registered it, the sandbox does, for itself alone, in a user namespace,
// which takes Linux 6.7. A plain user's programs run in a user namespace of the
// ids that /etc/subuid grants, made by unshare(1) and newuidmap(1).
type Sandbox struct{}

// setup is process 1 of the namespaces. It stays, to reap what is orphaned in
// them, and ends them all when it ends. Its parameters are what to register
// with binfmt_misc ("" is nothing), where to mount a file system in memory (""
// is nowhere), the script and its parameters.
//
// CAP_SETFCAP goes out of the bounding set, so that maintainer scripts choose
// what works on NFS, which carries no file capabilities: ping becomes setuid.
const setup = `
set -e
mount --make-rprivate /
mount -t proc proc /proc
if [ -n "$1" ]; then
	mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || exit 125
	printf '%s' "$1" >/proc/sys/fs/binfmt_misc/register
fi
if [ -n "$2" ]; then
	mount -t tmpfs -o mode=755 tmpfs "$2"
fi
script=$3
shift 3
set +e
setpriv --bounding-set=-setfcap --inh-caps=-setfcap /bin/sh -c "$script" build "$@"
exit $?
`

// noBinfmt is the exit status of setup when binfmt_misc cannot be mounted.
const noBinfmt = 125

// elf is the magic and mask of the ELF header of an architecture's programs, as
// binfmt_misc wants them: class, byte order and machine, executables and shared
// objects, any ABI.
type elf struct{ magic, mask, qemu string }

const (
	mask64 = `\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`
	magic  = `\x7f\x45\x4c\x46`
	zeros  = `\x00\x00\x00\x00\x00\x00\x00\x00\x00`
)

var elves = map[nfsroot.Arch]elf{
	nfsroot.AMD64: {magic + `\x02\x01\x01` + zeros + `\x02\x00\x3e\x00`, mask64, "x86_64"},
	nfsroot.ARM64: {magic + `\x02\x01\x01` + zeros + `\x02\x00\xb7\x00`, mask64, "aarch64"},
	nfsroot.ARMHF: {magic + `\x01\x01\x01` + zeros + `\x02\x00\x28\x00`, mask64, "arm"},
}

// native reports whether this machine's kernel runs the architecture's programs
// by itself. 64-bit ARM kernels run 32-bit programs where the processor does.
func native(a nfsroot.Arch) bool {
	return a.GOARCH() == runtime.GOARCH || runtime.GOARCH == "arm64" && a == nfsroot.ARMHF
}

// registered reports whether the system's binfmt_misc, in proc, runs the
// programs by an interpreter that it holds open, so that it works in a chroot.
func registered(a nfsroot.Arch, proc string) bool {
	entries, err := filepath.Glob(filepath.Join(proc, "sys/fs/binfmt_misc/*"+elves[a].qemu+"*"))
	if err != nil {
		return false
	}
	for _, name := range entries {
		text, err := os.ReadFile(name)
		if err == nil && registration(string(text)) {
			return true
		}
	}
	return false
}

// registration reads an entry of binfmt_misc: the first line is its state, and
// flag F is the open interpreter.
func registration(text string) bool {
	first, rest, _ := strings.Cut(text, "\n")
	if first != "enabled" {
		return false
	}
	for line := range strings.Lines(rest) {
		if flags, found := strings.CutPrefix(line, "flags:"); found {
			return strings.Contains(flags, "F")
		}
	}
	return false
}

// register is the line that makes qemu-user run an architecture's programs.
// Debian's name that ends in -P tells qemu that it gets the program's own
// argv[0] too.
func register(a nfsroot.Arch) (string, error) {
	e := elves[a]
	for _, i := range []struct{ name, flags string }{
		{"/usr/libexec/qemu-binfmt/" + e.qemu + "-binfmt-P", "OPF"},
		{"qemu-" + e.qemu + "-static", "OF"},
		{"qemu-" + e.qemu, "OF"},
	} {
		if path, err := exec.LookPath(i.name); err == nil {
			return ":nfsroot-" + e.qemu + ":M::" + e.magic + ":" + e.mask + ":" + path + ":" + i.flags, nil
		}
	}
	return "", fmt.Errorf("programs of %s need qemu-%s-static, which is not installed: %w", a, e.qemu, exec.ErrNotFound)
}
