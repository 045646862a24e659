package ganeshatest_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
)

var address = netip.MustParseAddr("10.77.0.1")

func config(paths ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "NFS_CORE_PARAM { Protocols = 3, 4; Bind_addr = %s; MNT_Port = 20048; Enable_RQUOTA = false; }\n", address)
	b.WriteString("NFSv4 { Graceless = true; RecoveryBackend = fs; }\n")
	for i, p := range paths {
		fmt.Fprintf(&b, "EXPORT { Export_Id = %d; Path = %s; Pseudo = %s; Access_Type = RW; Squash = No_Root_Squash; FSAL { Name = VFS; } }\n", i+1, p, p)
	}
	return b.String()
}

// ls lists a folder of the server by libnfs.
func ls(t *testing.T, ns *netnstest.NS, path, options string) (string, error) {
	t.Helper()
	p := peer.Start(t, ns.Command(peer.Look(t, "nfs-ls"), fmt.Sprintf("nfs://%s%s?%s", address, path, options)), peer.Options{})
	err := p.Wait(t.Context())
	return p.Output(), err
}

func TestServer(t *testing.T) {
	ns := netnstest.New(t)
	ns.AddAddr("lo", netip.PrefixFrom(address, 32))
	one, two := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(one, "file-one"), []byte("1"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(two, "file-two"), []byte("2"), 0o644))
	srv := ganeshatest.Start(t, ns, address, config(one))
	require.Empty(t, srv.Complaints())
	pid := srv.PID()
	require.NotZero(t, pid)
	for _, options := range []string{"version=3", "version=4"} {
		out, err := ls(t, ns, one, options)
		require.NoError(t, err, out)
		require.Contains(t, out, "file-one")
	}
	_, err := ls(t, ns, two, "version=3")
	require.Error(t, err)

	srv.Reload(config(one, two))
	require.Equal(t, pid, srv.PID())
	out, err := ls(t, ns, two, "version=3")
	require.NoError(t, err, out)
	require.Contains(t, out, "file-two")

	srv.Kill()
	require.Zero(t, srv.PID())
	require.Empty(t, srv.Log())
	srv.Restart()
	out, err = ls(t, ns, two, "version=4")
	require.NoError(t, err, out)
	srv.Stop()
	srv.Stop()
	srv.Restart()
	require.NotEqual(t, pid, srv.PID())
}

func TestComplaints(t *testing.T) {
	ns := netnstest.New(t)
	ns.AddAddr("lo", netip.PrefixFrom(address, 32))
	srv := ganeshatest.Start(t, ns, address, config(t.TempDir())+"EXPORT { Export_Id = 7; Nonsense = 1; }\n")
	require.NotEmpty(t, srv.Complaints(), srv.Log())
}
