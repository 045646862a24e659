package dial_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

// isZombie reports whether a process ended and waits for its new parent.
func isZombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, ok := bytes.Cut(stat, []byte(") "))
	return err == nil && ok && bytes.HasPrefix(rest, []byte("Z"))
}

func TestAVanishedPeerIsNoticed(t *testing.T) {
	a := accept(t, "tcp", "127.0.0.1:0")
	p, err := dial.TCP{Address: a.listener.Addr().String()}.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	raw, err := p.(serialcon.Pollable).SyscallConn()
	require.NoError(t, err)
	get := func(level, name int) (v int) {
		require.NoError(t, raw.Control(func(fd uintptr) { v, err = unix.GetsockoptInt(int(fd), level, name) }))
		require.NoError(t, err)
		return v
	}
	require.Equal(t, 1, get(syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
	require.Equal(t, 30000, get(syscall.IPPROTO_TCP, unix.TCP_USER_TIMEOUT))
	idle, interval, count := get(syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE), get(syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL), get(syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT)
	require.LessOrEqual(t, idle+interval*count, 30)
}

// fifos are the far end of a command that copies them.
type fifos struct{ in, out *os.File }

func (f fifos) Read(p []byte) (int, error)  { return f.out.Read(p) }
func (f fifos) Write(p []byte) (int, error) { return f.in.Write(p) }
func (f fifos) Close() error                { return errors.Join(f.in.Close(), f.out.Close()) }

func TestACommandKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		fifo := func(name string) *os.File {
			path := filepath.Join(t.TempDir(), name)
			require.NoError(t, unix.Mkfifo(path, 0o600))
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			return f
		}
		far := fifos{in: fifo("in"), out: fifo("out")}
		script := `cat <"$0" & exec cat >"$1" 2>&1`
		return dial.Command{Path: "sh", Args: []string{"-c", script, far.in.Name(), far.out.Name()}}, far
	})
}
