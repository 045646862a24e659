package tty_test

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// What a driver says of an adapter that is gone lets the descriptor go, whatever
// call it was; other errors do not. A kept descriptor keeps the name, and the
// adapter comes back as another.
func TestWhatADriverSaysOfAnAdapterThatIsGone(t *testing.T) {
	for _, tt := range []struct {
		err  error
		gone bool
	}{
		{unix.EIO, true}, {unix.ENODEV, true}, {unix.ENXIO, true}, {io.EOF, true}, {&os.PathError{Op: "read", Err: unix.ENODEV}, true},
		{unix.EINVAL, false}, {unix.ENOMEM, false}, {os.ErrDeadlineExceeded, false},
	} {
		t.Run(tt.err.Error(), func(t *testing.T) {
			p := openPTY(t)
			port := open(t, tty.Config{Device: p.Path})
			err := tty.Failed(port, "read", tt.err)
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, "tty: read "+p.Path)
			if !tt.gone {
				require.Equal(t, 1, held(t, p.Path))
				_, err = p.Write([]byte("on"))
				require.NoError(t, err)
				expect(t, port, "on")
				return
			}
			require.Zero(t, held(t, p.Path))
			require.ErrorContains(t, err, "the device is gone")
			_, again := port.Write([]byte("x"))
			require.Equal(t, err, again)
			require.Equal(t, err, tty.Failed(port, "write", unix.EBADF), "the first reason stays")
		})
	}
}

// A pseudo-terminal whose other side is closed says EIO to who waits in Read,
// with a deadline or without, and to who writes.
func TestTheOtherSideIsClosedWhileACallWaits(t *testing.T) {
	p := openPTY(t)
	port := open(t, tty.Config{Device: p.Path})
	waits := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		close(waits)
		_, err := port.Read(make([]byte, 8))
		ended <- err
	}()
	<-waits
	require.NoError(t, p.Close())
	err := <-ended
	require.ErrorContains(t, err, "the device is gone")
	require.True(t, errors.Is(err, unix.EIO) || errors.Is(err, io.EOF), "%v", err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Zero(t, held(t, p.Path))
}

// go.bug.st/serial panics with a descriptor beyond 1023, since it uses select.
func TestDescriptorsBeyond1023(t *testing.T) {
	serialcontest.UseDescriptors(t)
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		p := openPTY(t)
		raw, err := p.SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(fd uintptr) { require.GreaterOrEqual(t, fd, uintptr(1024)) }))
		return tty.Config{Device: p.Path}, p
	})
}
