package dial_test

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
)

// A peer that lost power and came back knows nothing of the connection, and
// said nothing when it went: a socket in repair mode closes so.
func TestAPeerThatWentWithoutAWord(t *testing.T) {
	peer.NeedRoot(t)
	a := accept(t, "tcp", "127.0.0.1:0")
	p, err := dial.TCP{Address: a.listener.Addr().String(), Silence: time.Second}.Open(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	raw, err := a.conn().(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) }))
	if err != nil {
		peer.Skip(t, "needs TCP_REPAIR: %v", err)
	}
	require.NoError(t, a.Close())
	require.NoError(t, p.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = p.Read(make([]byte, 1))
	require.ErrorIs(t, err, unix.ECONNRESET, "the first probe finds out")
}
