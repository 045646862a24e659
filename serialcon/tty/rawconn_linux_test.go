package tty_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func TestTheDescriptorItself(t *testing.T) {
	p := openPTY(t)
	port := open(t, tty.Config{Device: p.Path})
	raw, err := port.(serialcon.Pollable).SyscallConn()
	require.NoError(t, err)

	buf := make([]byte, 8)
	_, err = p.Write([]byte("in"))
	require.NoError(t, err)
	var got string
	require.NoError(t, raw.Read(func(fd uintptr) bool {
		n, err := unix.Read(int(fd), buf)
		got += string(buf[:max(n, 0)])
		return err == nil
	}))
	require.Equal(t, "in", got)
	require.NoError(t, raw.Write(func(fd uintptr) bool {
		_, err := unix.Write(int(fd), []byte("out"))
		return err == nil
	}))
	n, err := p.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "out", string(buf[:n]))

	require.NoError(t, port.Close())
	never := func(uintptr) bool { t.Error("called with a closed descriptor"); return true }
	require.ErrorIs(t, raw.Read(never), os.ErrClosed)
	require.ErrorIs(t, raw.Write(never), os.ErrClosed)
	require.ErrorIs(t, raw.Control(func(uintptr) { never(0) }), os.ErrClosed)
}

// A deadline that is set before anything waits holds once something does.
func TestADeadlineFromBefore(t *testing.T) {
	port := open(t, tty.Config{Device: openPTY(t).Path})
	require.NoError(t, port.SetReadDeadline(time.Unix(1, 0)))
	_, err := port.Read(make([]byte, 8))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	n, err := port.Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = port.(serialcon.ReadyReader).ReadReady(make([]byte, 8))
	require.NoError(t, err, "what is there now has no deadline")
	require.Zero(t, n)
}
