package telnet_test

import (
	"context"
	"fmt"
	"io"
	"net"
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
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// ser2net serves the tty of a pseudo-terminal, of which we have the other side.
func ser2net(t *testing.T, c telnet.Config) (telnet.Config, *serialcontest.PTY) {
	t.Helper()
	bin := peer.Look(t, "ser2net")
	pty, err := serialcontest.OpenPTY()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pty.Close() })
	c.Address = freeAddress(t)
	_, port, err := net.SplitHostPort(c.Address)
	require.NoError(t, err)
	conf := filepath.Join(t.TempDir(), "ser2net.yaml")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil,
		"connection: &c1\n  accepter: telnet(rfc2217),tcp,127.0.0.1,%s\n  connector: serialdev,%s,115200n81,local\n", port, pty.Path), 0o600))
	peer.Start(t, exec.Command(bin, "-n", "-c", conf), peer.Options{})
	return c, pty
}

// patient opens as a Console does: until the server is up.
type patient struct{ telnet.Config }

func (o patient) Open(ctx context.Context) (serialcon.Port, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		port, err := o.Config.Open(ctx)
		if err == nil || !strings.Contains(err.Error(), "refused") {
			return port, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

func TestRealSer2netKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		c, pty := ser2net(t, telnet.Config{Serial: &telnet.Serial{Baud: 57600}})
		return patient{c}, pty
	})
}

func TestRealSer2netSetsItsLine(t *testing.T) {
	c, pty := ser2net(t, telnet.Config{Serial: &telnet.Serial{
		Baud: 57600, DataBits: 7, Parity: telnet.ParityEven, StopBits: telnet.StopTwo, Flow: telnet.FlowNone,
	}, Timeout: time.Second})
	port, err := patient{c}.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = port.Close() })

	// The kernel's word for it. A pseudo-terminal has eight bits and no parity,
	// whatever it is told.
	raw, err := pty.SyscallConn()
	require.NoError(t, err)
	var tty *unix.Termios
	require.NoError(t, raw.Control(func(fd uintptr) { tty, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) }))
	require.NoError(t, err)
	require.EqualValues(t, unix.B57600, tty.Cflag&unix.CBAUD)
	require.NotZero(t, tty.Cflag&unix.CSTOPB)

	port.(serialcon.Notifier).Notify(func(e serialcon.Event) { t.Log(e.Kind, e.Text) })
	require.NoError(t, port.(serialcon.ModemLines).SetLines(true, true), "ser2net does not answer for a pseudo-terminal, and we do not wait")
	require.NoError(t, port.(serialcon.Breaker).Break(t.Context(), time.Second))
	require.NoError(t, port.(*telnet.Port).Purge(true, false))
	_, err = port.Write([]byte("\xffstill here\xff"))
	require.NoError(t, err)
	got := make([]byte, 12)
	_, err = io.ReadFull(pty, got)
	require.NoError(t, err)
	require.Equal(t, "\xffstill here\xff", string(got))
}
