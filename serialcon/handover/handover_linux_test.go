package handover_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/handover"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// TestMain is also the daemon that the tests restart.
func TestMain(m *testing.M) {
	device := os.Getenv("HANDOVER_DEVICE")
	if device == "" {
		os.Exit(m.Run())
	}
	if err := daemon(device); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// daemon prints 4 bytes of its port for each line that it is told, and
// restarts when it is told to.
func daemon(device string) error {
	files, err := handover.Inherited()
	if err != nil {
		return err
	}
	port, err := tty.Config{Device: device, Inherited: files["pi-042"]}.Open(context.Background())
	if err != nil {
		return err
	}
	fmt.Printf("open %d, marked %t\n", len(files), marked(port))
	var order string
	for {
		if _, err := fmt.Scanln(&order); err != nil {
			return err
		}
		if order == "exec" {
			mark(port)
			ports := map[string]syscall.Conn{"pi-042": port.(serialcon.Pollable)}
			return handover.Exec("/proc/self/exe", os.Args, os.Environ(), ports)
		}
		buf := make([]byte, 4)
		if _, err := io.ReadFull(port, buf); err != nil {
			return err
		}
		fmt.Printf("%s\n", buf)
	}
}

// mark sets a flag, without effect on a tty, that lasts as long as the opening.
func mark(port serialcon.Port) { control(port, unix.F_SETFL, unix.O_APPEND|unix.O_NONBLOCK) }

// marked says whether the opening is the one that was marked.
func marked(port serialcon.Port) bool { return control(port, unix.F_GETFL, 0)&unix.O_APPEND != 0 }

func control(port serialcon.Port, cmd, arg int) (got int) {
	raw, err := port.(serialcon.Pollable).SyscallConn()
	if err != nil {
		return -1
	}
	_ = raw.Control(func(fd uintptr) { got, _ = unix.FcntlInt(fd, cmd, arg) })
	return got
}

type child struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &child{in: in, out: bufio.NewReader(out)}
}

func (c *child) tell(t *testing.T, order string) {
	t.Helper()
	_, err := io.WriteString(c.in, order+"\n")
	require.NoError(t, err)
}

func (c *child) says(t *testing.T, want string) {
	t.Helper()
	got, err := c.out.ReadString('\n')
	require.NoError(t, err, "%q", got)
	require.Equal(t, want+"\n", got)
}

func pty(t *testing.T) *serialcontest.PTY {
	t.Helper()
	p, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func say(t *testing.T, p *serialcontest.PTY, text string) {
	t.Helper()
	_, err := p.Write([]byte(text))
	require.NoError(t, err)
}

func TestExecLosesNoByte(t *testing.T) {
	p := pty(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HANDOVER_DEVICE="+p.Path)
	c := start(t, cmd)
	c.says(t, "open 0, marked false")
	say(t, p, "1111")
	c.tell(t, "read")
	c.says(t, "1111")
	for _, text := range []string{"2222", "3333"} {
		say(t, p, text) // nobody reads it before the new program does
		c.tell(t, "exec")
		c.says(t, "open 1, marked true")
		c.tell(t, "read")
		c.says(t, text)
	}
}

// manager is what systemd is for a store of descriptors.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

func TestTheManagerKeepsThePort(t *testing.T) {
	conn := manager(t)
	p := pty(t)
	port, err := tty.Config{Device: p.Path}.Open(t.Context())
	require.NoError(t, err)
	mark(port)
	require.NoError(t, handover.Store("pi-042", port.(serialcon.Pollable)))

	text, oob := make([]byte, 256), make([]byte, 256)
	n, oobn, _, _, err := conn.ReadMsgUnix(text, oob)
	require.NoError(t, err)
	require.Equal(t, "FDSTORE=1\nFDNAME=pi-042", string(text[:n]))
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	require.NoError(t, err)
	require.Len(t, messages, 1)
	fds, err := unix.ParseUnixRights(&messages[0])
	require.NoError(t, err)
	require.Len(t, fds, 1)
	kept := os.NewFile(uintptr(fds[0]), "kept")
	defer func() { _ = kept.Close() }()

	require.NoError(t, port.Close())
	say(t, p, "kept")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	cmd.Env = append(os.Environ(), "HANDOVER_DEVICE="+p.Path, "LISTEN_FDS=1", "LISTEN_FDNAMES=pi-042")
	cmd.ExtraFiles = []*os.File{kept}
	c := start(t, cmd)
	c.says(t, "open 1, marked true")
	c.tell(t, "read")
	c.says(t, "kept")

	require.NoError(t, handover.Forget("pi-042"))
	n, err = conn.Read(text)
	require.NoError(t, err)
	require.Equal(t, "FDSTOREREMOVE=1\nFDNAME=pi-042", string(text[:n]))
}

func TestADescriptorThatIsNotThere(t *testing.T) {
	t.Setenv("SERIALCON_FDS", fmt.Sprintf("%d pi-042=100000", os.Getpid()))
	_, err := handover.Inherited()
	require.ErrorIs(t, err, handover.ErrInherited)
	require.ErrorIs(t, err, unix.EBADF)
	require.Empty(t, os.Getenv("SERIALCON_FDS"))
	files, err := handover.Inherited()
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestAnotherDevicesDescriptorIsNotUsed(t *testing.T) {
	p, foreign := pty(t), pty(t)
	file, err := os.OpenFile(foreign.Path, os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	port, err := tty.Config{Device: p.Path, Inherited: file}.Open(t.Context())
	require.NoError(t, err)
	defer func() { _ = port.Close() }()
	require.ErrorIs(t, file.Close(), os.ErrClosed)
	say(t, p, "mine")
	buf := make([]byte, 4)
	_, err = io.ReadFull(port, buf)
	require.NoError(t, err)
	require.Equal(t, "mine", string(buf))
}

func TestWhatCannotBeHandedOver(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	p := pty(t)
	require.ErrorIs(t, handover.Store("pi-042", p), errors.ErrUnsupported)
	require.ErrorIs(t, handover.Forget("pi-042"), errors.ErrUnsupported)
	manager(t)
	require.ErrorIs(t, handover.Store("a:b", p), serialcon.ErrName)
	require.ErrorIs(t, handover.Forget("a\nb"), serialcon.ErrName)
	require.ErrorIs(t, handover.Exec("/", nil, nil, map[string]syscall.Conn{"a b": p}), serialcon.ErrName)
	require.ErrorIs(t, handover.Exec("/nowhere", []string{"x"}, nil, map[string]syscall.Conn{"a": p}), os.ErrNotExist)
	say(t, p, "still here")
	require.NoError(t, p.Close())
	require.Error(t, handover.Store("pi-042", p))
	require.Error(t, handover.Exec("/", nil, nil, map[string]syscall.Conn{"a": p}))

	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	require.ErrorIs(t, handover.Forget("pi-042"), os.ErrNotExist)
}
