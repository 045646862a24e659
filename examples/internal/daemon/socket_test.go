package daemon_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/stretchr/testify/require"
)

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := daemon.ListenUnix(t.Context(), path)
	require.NoError(t, err)
	_, err = daemon.ListenUnix(t.Context(), path)
	require.ErrorContains(t, err, "is in use")

	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after kill -9
	require.NoError(t, l.Close())
	require.FileExists(t, path)
	l, err = daemon.ListenUnix(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	require.NoError(t, os.WriteFile(path, []byte("not a socket"), 0o600))
	_, err = daemon.ListenUnix(t.Context(), path)
	require.Error(t, err, "a file is nobody's socket")
	require.FileExists(t, path)
}
