package tty_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func TestASecondOpenIsRefused(t *testing.T) {
	p := openPTY(t)
	c := tty.Config{Device: p.Path}
	first := open(t, c)
	_, err := c.Open(t.Context())
	require.ErrorIs(t, err, tty.ErrBusy)
	require.ErrorContains(t, err, "this program itself has it")
	require.Equal(t, 1, held(t, p.Path))

	require.NoError(t, first.Close())
	open(t, c)
}

func TestAnotherProgramHasIt(t *testing.T) {
	flock := peer.Need(t, "flock")[0]
	p := openPTY(t)
	cmd := exec.CommandContext(t.Context(), flock, "--nonblock", p.Path, "sh", "-c", "echo locked; read line")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked", strings.TrimSpace(line))

	c := tty.Config{Device: p.Path}
	_, err = c.Open(t.Context())
	require.ErrorIs(t, err, tty.ErrBusy)
	require.Regexp(t, `"(flock|sh)" \(process \d+\) has it`, err)

	c.System = tree(t, nil)
	_, err = c.Open(t.Context())
	require.ErrorIs(t, err, tty.ErrBusy)
	require.ErrorContains(t, err, "may not see")

	c.System.Proc = ""
	require.NoError(t, stdin.Close())
	_ = cmd.Wait() // read's end of file is sh's failure
	open(t, c)
}

// terminal is a virtual terminal that nobody uses: its driver takes no
// settings, but it has TIOCEXCL as a UART's tty has.
func terminal(t *testing.T) string {
	t.Helper()
	peer.NeedRoot(t)
	const path = "/dev/tty60"
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		peer.Skip(t, "no virtual terminal: %v", err)
	}
	before := termios(t, fd)
	t.Cleanup(func() {
		_ = unix.IoctlSetTermios(fd, unix.TCSETS2, before)
		_ = unix.Close(fd)
	})
	return path
}

func exclusive(t *testing.T, fd int) bool {
	t.Helper()
	n, err := unix.IoctlGetInt(fd, unix.TIOCGEXCL)
	require.NoError(t, err)
	return n != 0
}

func TestTheDeviceIsExclusive(t *testing.T) {
	path := terminal(t)
	fd := other(t, path)
	port := open(t, tty.Config{Device: path, Lenient: true})
	require.True(t, exclusive(t, fd))
	require.NoError(t, port.Close())
	require.False(t, exclusive(t, fd))

	_, err := tty.Config{Device: path, Baud: 9600, DataBits: 5}.Open(t.Context())
	require.ErrorIs(t, err, tty.ErrNotTaken)
	require.ErrorContains(t, err, "9600 baud (it has 38400), 5 data bits")
	require.False(t, exclusive(t, fd), "a failed Open leaves no lock")

	require.NoError(t, unix.IoctlSetInt(fd, unix.TIOCEXCL, 0))
	defer func() { _ = unix.IoctlSetInt(fd, unix.TIOCNXCL, 0) }()
	_, err = tty.Config{Device: path, Lenient: true}.Open(t.Context())
	require.ErrorIs(t, err, tty.ErrBusy, "the superuser does not get past it")

	open(t, tty.Config{Device: path, Lenient: true, System: tree(t, nil)}) // nobody holds what was left behind
}

func TestABreakOnADevice(t *testing.T) {
	port := open(t, tty.Config{Device: terminal(t), Lenient: true})
	b := port.(serialcon.Breaker)
	require.NoError(t, b.Break(t.Context(), serialcon.MinBreak))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.Break(ctx, time.Hour), context.DeadlineExceeded)

	ended := make(chan error, 1)
	go func() { ended <- b.Break(t.Context(), time.Hour) }()
	require.NoError(t, port.Close())
	require.ErrorIs(t, <-ended, os.ErrClosed)
}

// What the kernel is asked for, as strace sees it.
func TestSystemCalls(t *testing.T) {
	strace := peer.Need(t, "strace")[0]
	path := terminal(t)
	calls := filepath.Join(t.TempDir(), "calls")
	out, err := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-e", "trace=openat,ioctl,flock,close", "-o", calls,
		os.Args[0], "-test.run=^TestABreakOnADevice$").CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(calls)
	require.NoError(t, err)
	require.Regexp(t, `openat\(AT_FDCWD, "`+path+`", O_RDWR\|O_NOCTTY\|O_NONBLOCK\|O_CLOEXEC`, string(text))
	require.Contains(t, string(text), "LOCK_EX|LOCK_NB")
	on := 0
	var last string
	for call := range strings.Lines(string(text)) {
		for _, name := range []string{"TIOCSBRK", "TIOCCBRK", "TIOCEXCL", "TIOCNXCL"} {
			if strings.Contains(call, ", "+name) {
				require.False(t, last == "TIOCSBRK" && name != "TIOCCBRK", "a BREAK stays: %s", text)
				last = name
				if name == "TIOCSBRK" {
					on++
				}
			}
		}
	}
	require.GreaterOrEqual(t, on, 2)
	require.Equal(t, "TIOCNXCL", last)
}
