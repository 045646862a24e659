package dial_test

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// accepted is the first connection that a listener takes.
type accepted struct {
	listener net.Listener
	conn     func() net.Conn // waits for it
}

func accept(t *testing.T, network, address string) *accepted {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	got := make(chan net.Conn, 1)
	a := &accepted{listener: l, conn: sync.OnceValue(func() net.Conn { return <-got })}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		defer close(got)
		if c, err := l.Accept(); err == nil {
			got <- c
		}
	}()
	return a
}

func (a *accepted) Read(p []byte) (int, error)  { return a.conn().Read(p) }
func (a *accepted) Write(p []byte) (int, error) { return a.conn().Write(p) }
func (a *accepted) Close() error                { return a.conn().Close() }

func TestTCPKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		a := accept(t, "tcp", "127.0.0.1:0")
		return dial.TCP{Address: a.listener.Addr().String()}, a
	})
}

func TestUnixKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		path := filepath.Join(t.TempDir(), "s")
		return dial.Unix{Path: path}, accept(t, "unix", path)
	})
}

func TestNobodyListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	_, err := dial.Unix{Path: path}.Open(t.Context())
	require.ErrorContains(t, err, "dial: connect to unix "+path)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = dial.TCP{Address: l.Addr().String(), Timeout: time.Second}.Open(t.Context())
	require.ErrorContains(t, err, "dial: connect to tcp 127.0.0.1:")
}
