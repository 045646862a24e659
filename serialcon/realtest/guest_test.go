package realtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
)

// patience is what a guest may take for anything, on a loaded machine.
const patience = 5 * time.Minute

// tick is the time between two looks.
const tick = 20 * time.Millisecond

// guest is a PC that QEMU emulates, with Debian's kernel.
type guest struct {
	kernel, initrd string
	append         string   // to the kernel's command line
	memory         string   // in MiB; "" means 256
	chardev        string   // of ttyS0; QEMU logs what it says
	more           []string // arguments
}

// machine is a guest that runs.
type machine struct {
	*peer.Process
	dir string
}

// cloudKernel is Debian's kernel for virtual machines.
func cloudKernel(t *testing.T) string {
	t.Helper()
	return peer.DebFile(t, "linux-image-6.1.0-*-cloud-amd64", "boot/vmlinuz-*")
}

// folder is one whose name is short enough for sockets.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "con")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// start runs the guest, which keeps its sockets in dir.
func (g guest) start(t *testing.T, dir string) *machine {
	t.Helper()
	memory := g.memory
	if memory == "" {
		memory = "256"
	}
	args := append([]string{
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", memory, "-machine", "pc,graphics=off", "-display", "none", "-nodefaults",
		"-no-reboot", "-kernel", g.kernel, "-initrd", g.initrd, "-append", "console=ttyS0,115200n8 panic=-1 " + g.append,
		"-chardev", g.chardev + ",id=con0,logfile=" + filepath.Join(dir, "log"), "-serial", "chardev:con0",
		"-monitor", "unix:" + filepath.Join(dir, "monitor") + ",server=on,wait=off",
	}, g.more...)
	p := peer.Start(t, exec.Command(peer.Look(t, "qemu-system-x86_64"), args...), peer.Options{Grace: -1})
	return &machine{Process: p, dir: dir}
}

// log is QEMU's own record of what ttyS0 said.
func (m *machine) log(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "log"))
	require.NoError(t, err)
	return text
}

// ended waits until the machine is off.
func (m *machine) ended(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, m.Wait(ctx), m.Output())
}

// prompt ends each answer of QEMU's monitor.
var prompt = []byte("(qemu) ")

// monitor gives QEMU an order and returns the answer.
func (m *machine) monitor(t *testing.T, order string) string {
	t.Helper()
	conn := dialUnix(t, filepath.Join(m.dir, "monitor"))
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	untilPrompt(t, conn)
	_, err := conn.Write([]byte(order + "\n"))
	require.NoError(t, err)
	_, answer, _ := strings.Cut(untilPrompt(t, conn), "\n") // without the echo
	return answer
}

func untilPrompt(t *testing.T, conn net.Conn) string {
	t.Helper()
	var said []byte
	buf := make([]byte, 4096)
	for !bytes.HasSuffix(said, prompt) {
		n, err := conn.Read(buf)
		require.NoError(t, err, "%q", said)
		said = append(said, buf[:n]...)
	}
	return strings.ReplaceAll(string(said[:len(said)-len(prompt)]), "\r", "")
}

// dialUnix connects to a socket of QEMU's, once it is there.
func dialUnix(t *testing.T, name string) (conn net.Conn) {
	t.Helper()
	var err error
	require.Eventually(t, func() bool {
		conn, err = net.Dial("unix", name)
		return err == nil
	}, time.Minute, 10*time.Millisecond, "%s", name)
	require.NoError(t, err)
	return conn
}

var ptyName = regexp.MustCompile(`con0: filename=pty:(\S+)`)

// pty is the terminal on which a paused machine has its console.
func (m *machine) pty(t *testing.T) string {
	t.Helper()
	answer := m.monitor(t, "info chardev")
	found := ptyName.FindStringSubmatch(answer)
	require.NotNil(t, found, answer)
	return found[1]
}

// freePort is a TCP port of this machine, as QEMU wants it.
func freePort(t *testing.T) (address, qemu string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	return l.Addr().String(), fmt.Sprintf("host=127.0.0.1,port=%d", port)
}
