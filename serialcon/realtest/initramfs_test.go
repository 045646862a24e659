package realtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// archive writes an initramfs in the cpio format "newc" (initramfs buffer
// format, Documentation/driver-api/early-userspace of Linux).
type archive struct {
	w     io.Writer
	seen  map[string]bool
	inode int
	err   error
}

func newArchive(w io.Writer) *archive { return &archive{w: w, seen: map[string]bool{"": true}} }

// add writes a file, with the folders on the way to it. The mode is the kernel's.
func (a *archive) add(name string, mode uint32, data []byte) {
	name = path.Clean("/" + name)[1:]
	if a.seen[name] {
		return
	}
	if dir := path.Dir(name); dir != "." {
		a.add(dir, 0o040755, nil)
	}
	a.seen[name] = true
	a.inode++
	a.write(name, mode, data)
}

func (a *archive) write(name string, mode uint32, data []byte) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	b.Write(make([]byte, -b.Len()&3))
	b.Write(data)
	b.Write(make([]byte, -len(data)&3))
	if _, err := a.w.Write(b.Bytes()); err != nil && a.err == nil {
		a.err = err
	}
}

func (a *archive) close() error {
	a.write("TRAILER!!!", 0, nil)
	return a.err
}

// The modes of what is added.
const (
	modeProgram = 0o100755
	modeFile    = 0o100644
	modeLink    = 0o120777
)

// initramfs writes an archive into a file.
func initramfs(t *testing.T, fill func(a *archive)) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "initrd")
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	a := newArchive(f)
	fill(a)
	require.NoError(t, a.close())
	return name
}

// busyboxInit is the first process: it makes the system usable, and leaves the
// console to a script.
const busyboxInit = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
echo 1 >/proc/sys/kernel/sysrq
echo 1 >/proc/sys/kernel/printk # no chatter between what programs say; SysRq and a panic still speak
exec setsid cttyhack sh %s
`

// busyboxRoot is a root of busybox and onecon. Without a script its console is a
// shell.
func busyboxRoot(t *testing.T, script string) string {
	t.Helper()
	busybox, err := os.ReadFile(peer.DebFile(t, "busybox-static:amd64", "bin/busybox"))
	require.NoError(t, err)
	onecon, err := os.ReadFile(onecon(t))
	require.NoError(t, err)
	return initramfs(t, func(a *archive) {
		a.add("bin/busybox", modeProgram, busybox)
		a.add("bin/onecon", modeProgram, onecon)
		run := ""
		if script != "" {
			run = "/script"
			a.add(run, modeProgram, []byte(script))
		}
		a.add("init", modeProgram, fmt.Appendf(nil, busyboxInit, run))
	})
}

// built is onecon, for this machine and for guests.
var built struct {
	sync.Mutex
	dir string
}

// onecon returns the program, which all tests share.
func onecon(t *testing.T) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	name := filepath.Join(built.dir, "onecon")
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
		return name
	}
	cmd := exec.Command(peer.Look(t, "go"), "build", "-o", name, "./cmd/onecon")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return name
}

func TestMain(m *testing.M) {
	os.Exit(withFolder(m.Run))
}

func withFolder(run func() int) int {
	dir, err := os.MkdirTemp("", "consoles")
	if err != nil {
		fmt.Fprintln(os.Stderr, "realtest:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	built.dir = dir
	return run()
}
