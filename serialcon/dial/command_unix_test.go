//go:build unix

package dial_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
)

func openCommand(t *testing.T, c dial.Command) serialcon.Port {
	t.Helper()
	p, err := c.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestACommandIsAPort(t *testing.T) {
	p := openCommand(t, dial.Command{Path: "cat"})
	_, err := p.Write([]byte("hello\xff\x00\r\n"))
	require.NoError(t, err)
	got := make([]byte, 9)
	_, err = io.ReadFull(p, got)
	require.NoError(t, err)
	require.Equal(t, "hello\xff\x00\r\n", string(got))
}

func TestACommandSaysWhyItEnded(t *testing.T) {
	p := openCommand(t, dial.Command{Path: "sh", Args: []string{"-c", "echo no route >&2; exit 3"}})
	said, err := io.ReadAll(p)
	require.NoError(t, err, "its end is io.EOF")
	require.Equal(t, "no route\n", string(said))
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
}

func TestCloseKillsTheWholeGroup(t *testing.T) {
	// Neither the shell nor its child heeds SIGTERM.
	p := openCommand(t, dial.Command{
		Path: "sh", Args: []string{"-c", "trap '' TERM HUP; sleep 1000 & echo $!; wait; sleep 1000"}, Grace: 10 * time.Millisecond,
	})
	line, err := bufio.NewReader(p).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.Eventually(t, func() bool {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid)
	}, 10*time.Second, time.Millisecond, "the child of the program still runs")
}

func TestCloseWakesAReaderOfACommand(t *testing.T) {
	p := openCommand(t, dial.Command{Path: "sleep", Args: []string{"1000"}})
	woken := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		woken <- err
	}()
	require.NoError(t, p.Close())
	require.Error(t, <-woken)
	_, err := p.Write([]byte("x"))
	require.Error(t, err)
}

func TestACommandThatCannotStart(t *testing.T) {
	_, err := dial.Command{Path: "/nonexistent/ipmitool", Args: []string{"-P", "secret"}}.Open(t.Context())
	require.ErrorContains(t, err, "dial: start command /nonexistent/ipmitool")
	require.NotContains(t, err.Error(), "secret")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = dial.Command{Path: "cat"}.Open(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
