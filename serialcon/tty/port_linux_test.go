package tty_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func openPTY(t *testing.T) *serialcontest.PTY {
	t.Helper()
	p, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func open(t *testing.T, c tty.Config) serialcon.Port {
	t.Helper()
	port, err := c.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = port.Close() })
	return port
}

// other opens a device beside the port under test.
func other(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func termios(t *testing.T, fd int) *unix.Termios {
	t.Helper()
	got, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	require.NoError(t, err)
	return got
}

func TestRawSettings(t *testing.T) {
	p := openPTY(t)
	fd := other(t, p.Path)
	cooked := termios(t, fd)
	cooked.Iflag |= unix.IXON | unix.ICRNL | unix.ISTRIP | unix.IGNBRK
	cooked.Oflag |= unix.OPOST
	cooked.Lflag |= unix.ECHO | unix.ICANON | unix.ISIG
	cooked.Cflag |= unix.HUPCL | unix.CRTSCTS
	require.NoError(t, unix.IoctlSetTermios(fd, unix.TCSETS2, cooked))

	for _, baud := range []int{50, 9600, 250000, 1500000, 4000001} {
		port := open(t, tty.Config{Device: p.Path, Baud: baud})
		got := termios(t, fd)
		require.EqualValues(t, baud, got.Ospeed)
		require.EqualValues(t, baud, got.Ispeed)
		require.EqualValues(t, unix.PARMRK|unix.INPCK, got.Iflag)
		require.Zero(t, got.Oflag&unix.OPOST)
		require.Zero(t, got.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG|unix.IEXTEN))
		require.EqualValues(t, unix.CS8|unix.CREAD|unix.CLOCAL,
			got.Cflag&(unix.CSIZE|unix.CREAD|unix.CLOCAL|unix.HUPCL|unix.CRTSCTS|unix.PARENB|unix.CSTOPB))
		require.EqualValues(t, 1, got.Cc[unix.VMIN])
		require.Zero(t, got.Cc[unix.VTIME])
		require.NoError(t, port.Close())
	}

	open(t, tty.Config{Device: p.Path, StopBits: 2, RTSCTS: true, XONXOFF: true})
	got := termios(t, fd)
	require.EqualValues(t, uint32(unix.CSTOPB|unix.CRTSCTS), got.Cflag&(unix.CSTOPB|unix.CRTSCTS))
	require.EqualValues(t, unix.IXON|unix.IXOFF, got.Iflag&(unix.IXON|unix.IXOFF|unix.IXANY))
}

func TestADriverThatDoesNotTakeIt(t *testing.T) {
	p := openPTY(t)
	c := tty.Config{Device: p.Path, DataBits: 7, Parity: tty.ParityOdd}
	_, err := c.Open(t.Context())
	require.ErrorIs(t, err, tty.ErrNotTaken)
	require.ErrorContains(t, err, p.Path+": 7 data bits, parity odd")

	c.Lenient = true
	port := open(t, c)
	var told []serialcon.Event
	port.(serialcon.Notifier).Notify(func(e serialcon.Event) { told = append(told, e) })
	require.Len(t, told, 1)
	require.Equal(t, serialcon.EventNote, told[0].Kind)
	require.Contains(t, told[0].Text, "7 data bits, parity odd")
}

func TestMarksBecomeEvents(t *testing.T) {
	for _, tt := range []struct {
		name   string
		parity tty.Parity
		kind   serialcon.EventKind
	}{
		{"framing", tty.ParityNone, serialcon.EventFrame},
		{"parity", tty.ParityMark, serialcon.EventParity},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := openPTY(t)
			port := open(t, tty.Config{Device: p.Path, Parity: tt.parity, Lenient: true})
			// A pseudo-terminal's driver marks nothing; without PARMRK the far
			// end can send marks as they come from a UART's.
			fd := other(t, p.Path)
			set := termios(t, fd)
			set.Iflag &^= unix.PARMRK
			require.NoError(t, unix.IoctlSetTermios(fd, unix.TCSETS2, set))
			var events []serialcon.Event
			port.(serialcon.Notifier).Notify(func(e serialcon.Event) {
				if e.Kind != serialcon.EventNote {
					events = append(events, e)
				}
			})
			_, err := p.Write([]byte("a\xff\x00\x00\xff\x00\x00b\xff\x00Xc\xff"))
			require.NoError(t, err)
			expect(t, port, "abXc")
			_, err = p.Write([]byte("\xffd"))
			require.NoError(t, err)
			expect(t, port, "\xffd")
			counts := map[serialcon.EventKind]int64{}
			for _, e := range events {
				require.False(t, e.At.IsZero())
				counts[e.Kind] += e.N
			}
			require.Equal(t, map[serialcon.EventKind]int64{serialcon.EventBreakIn: 2, tt.kind: 1}, counts)
		})
	}
}

func expect(t *testing.T, port serialcon.Port, want string) {
	t.Helper()
	var got []byte
	buf := make([]byte, 5)
	for len(got) < len(want) {
		n, err := port.Read(buf)
		require.NoError(t, err)
		require.NotZero(t, n)
		got = append(got, buf[:n]...)
	}
	require.Equal(t, want, string(got))
}

func TestWhatAPseudoTerminalLacks(t *testing.T) {
	p := openPTY(t)
	port := open(t, tty.Config{Device: p.Path})
	_, err := port.(serialcon.ModemLines).Lines()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, port.(serialcon.ModemLines).SetLines(true, false), errors.ErrUnsupported)
	_, err = port.(serialcon.Counters).Counters()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, port.(serialcon.Breaker).Break(t.Context(), serialcon.MinBreak), errors.ErrUnsupported)
	require.NoError(t, port.Close())
	_, err = port.(serialcon.ModemLines).Lines()
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, port.SetReadDeadline(time.Time{}), os.ErrClosed)
}

func TestNoDevice(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, tt := range []struct {
		name, device string
		want         error
	}{
		{"missing", filepath.Join(dir, "ttyUSB0"), fs.ErrNotExist},
		{"missing name", "no-such-adapter", fs.ErrNotExist},
		{"a file", file, tty.ErrNotTTY},
		{"a folder", dir, tty.ErrNotTTY},
		{"no terminal", "/dev/null", tty.ErrNotTTY},
		{"a terminal's name that is none", "null", tty.ErrNotTTY},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tty.Config{Device: tt.device}.Open(t.Context())
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, tt.device)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := tty.Config{Device: openPTY(t).Path}.Open(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// held counts this process's descriptors of a device.
func held(t *testing.T, path string) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range fds {
		if target, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.TrimSuffix(target, " (deleted)") == path {
			n++
		}
	}
	return n
}

func TestAnUnpluggedDeviceIsLetGo(t *testing.T) {
	for _, tt := range []struct {
		name string
		call func(port serialcon.Port) error
	}{
		{"read", func(port serialcon.Port) error { _, err := port.Read(make([]byte, 8)); return err }},
		{"write", func(port serialcon.Port) error { _, err := port.Write([]byte("x")); return err }},
		{"ready", func(port serialcon.Port) error {
			_, err := port.(serialcon.ReadyReader).ReadReady(make([]byte, 8))
			return err
		}},
		{"lines", func(port serialcon.Port) error { _, err := port.(serialcon.ModemLines).Lines(); return err }},
		{"counters", func(port serialcon.Port) error { _, err := port.(serialcon.Counters).Counters(); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := openPTY(t)
			port := open(t, tty.Config{Device: p.Path})
			require.Equal(t, 1, held(t, p.Path))
			require.NoError(t, p.Close())
			err := tt.call(port)
			require.ErrorContains(t, err, p.Path+": the device is gone")
			require.Zero(t, held(t, p.Path), "the descriptor is closed with the first error")
			_, again := port.Read(make([]byte, 8))
			require.Equal(t, err, again)
			require.NoError(t, port.Close())
		})
	}
}

func TestNoThreadAPort(t *testing.T) {
	const ports = 60
	var wg sync.WaitGroup
	began := make(chan struct{}, ports)
	var all []serialcon.Port
	for range ports {
		port := open(t, tty.Config{Device: openPTY(t).Path})
		all = append(all, port)
		wg.Go(func() {
			began <- struct{}{}
			_, _ = port.Read(make([]byte, 8))
		})
	}
	for range ports {
		<-began
	}
	entries, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	require.Less(t, len(entries), ports/2)
	for _, port := range all {
		require.NoError(t, port.Close())
	}
	wg.Wait()
}

func TestNamesInDev(t *testing.T) {
	p := openPTY(t)
	s := tree(t, map[string]string{"dev/serial/by-path/pci-1": "-> " + p.Path, "dev/serial/by-id/usb-1": "-> " + p.Path, "dev/ttyUSB0": "-> " + p.Path})
	for _, name := range []string{"pci-1", "usb-1", "ttyUSB0", "serial/by-id/usb-1"} {
		port := open(t, tty.Config{Device: name, System: s})
		_, err := p.Write([]byte("x"))
		require.NoError(t, err)
		expect(t, port, "x")
		require.NoError(t, port.Close())
	}
}

func TestTheHostsOwnConsoleIsRefused(t *testing.T) {
	p := openPTY(t)
	var st unix.Stat_t
	require.NoError(t, unix.Stat(p.Path, &st))
	number := fmt.Sprintf("sys/dev/char/%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	for name, files := range map[string]map[string]string{
		"command line": {"proc/cmdline": "quiet console=ttyS1,115200n8", number: "-> ../../devices/x/tty/ttyS1"},
		"active":       {"sys/class/tty/console/active": "tty0 ttyS1\n", number: "-> ../../devices/x/tty/ttyS1"},
		"its alias":    {number: "-> ../../devices/virtual/tty/console"},
		"no number":    {"proc/cmdline": "console=" + filepath.Base(p.Path)},
		"a boot alias": {"proc/cmdline": "console=serial0", "dev/serial0": "-> ttyS1", "dev/ttyS1": "", number: "-> ../x/ttyS1"},
	} {
		t.Run(name, func(t *testing.T) {
			files["dev/serial/by-path/innocent"] = "-> " + p.Path
			_, err := tty.Config{Device: "innocent", System: tree(t, files)}.Open(t.Context())
			require.ErrorIs(t, err, tty.ErrConsole)
			require.Zero(t, held(t, p.Path))
		})
	}
	s := tree(t, map[string]string{"proc/cmdline": "console=ttyS0", number: "-> ../../devices/x/tty/ttyS1"})
	open(t, tty.Config{Device: p.Path, System: s})

	names := tty.System{}.HostConsoles()
	for _, name := range append(slices.Clone(names), "console") {
		st, err := os.Stat("/dev/" + name)
		if err != nil || st.Mode()&fs.ModeCharDevice == 0 {
			continue
		}
		_, err = tty.Config{Device: name}.Open(t.Context())
		require.ErrorIs(t, err, tty.ErrConsole, name)
	}
}
