package export_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/bootparam"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
)

var server = netip.MustParseAddr("10.77.0.1")

// shelf is a server's namespace with a switch, and machines on it.
type shelf struct {
	t        *testing.T
	server   *netnstest.NS
	machines []*netnstest.NS
}

// newShelf plugs in n machines, with addresses from 10.77.0.2.
func newShelf(t *testing.T, n int) *shelf {
	t.Helper()
	s := &shelf{t: t, server: netnstest.New(t)}
	s.server.Bridge("br0")
	s.server.AddAddr("br0", netip.PrefixFrom(server, 24))
	for i := range n {
		ns, port := netnstest.New(t), fmt.Sprintf("port%d", i)
		netnstest.Veth(t, s.server, port, ns, "eth0")
		s.server.IP("link", "set", port, "master", "br0")
		ns.AddAddr("eth0", netip.PrefixFrom(s.addr(i), 24))
		s.machines = append(s.machines, ns)
	}
	return s
}

func (s *shelf) addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(2 + i)}) }

func (s *shelf) client(i int) netip.Prefix { return netip.PrefixFrom(s.addr(i), 32) }

func (s *shelf) start(exports []export.Export) *ganeshatest.Server {
	s.t.Helper()
	srv := ganeshatest.Start(s.t, s.server, server, config(s.t, exports))
	require.Empty(s.t, srv.Complaints())
	return srv
}

func config(t *testing.T, exports []export.Export) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, export.WriteGanesha(&b, export.Ganesha{Bind: server}, exports))
	return b.String()
}

// nfs runs a program of libnfs's on a machine.
func (s *shelf) nfs(machine int, program string, args ...string) (string, error) {
	s.t.Helper()
	p := peer.Start(s.t, s.machines[machine].Command(peer.Look(s.t, program), args...), peer.Options{})
	err := p.Wait(s.t.Context())
	return p.Output(), err
}

// ls lists what a machine finds in a folder, which it mounts by itself.
func (s *shelf) ls(machine int, version bootparam.Version, path string) (string, error) {
	s.t.Helper()
	return s.nfs(machine, "nfs-ls", url(version, path))
}

func url(version bootparam.Version, path string) string {
	return fmt.Sprintf("nfs://%s%s?version=%d", server, path, version.Major())
}

// tree makes a root with a file of that name in it.
func tree(t *testing.T, dir, file string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(file+"\n"), 0o600))
	return dir
}

func exportsOf(s *shelf, dir string, n int) []export.Export {
	var exports []export.Export
	for i := range n {
		name := fmt.Sprintf("pi%d", i)
		tree(s.t, filepath.Join(dir, name, "root"), "file-of-"+name)
		exports = append(exports, export.Export{
			ID: uint16(i + 1), Path: filepath.Join(dir, name), FSID: export.FSID(name), Client: s.client(i),
		})
	}
	return exports
}

var versions = []bootparam.Version{bootparam.V3, bootparam.V4_0}

// Each machine has its own root, by each version, and nobody else's.
func TestRealGanesha(t *testing.T) {
	s := newShelf(t, 3) // the third has no export
	dir := t.TempDir()
	exports := exportsOf(s, dir, 2)
	odd := tree(t, filepath.Join(dir, "odd #;{}=,() é"), "file-odd")
	fixed := tree(t, filepath.Join(dir, "read-only"), "file-fixed")
	exports = append(exports,
		export.Export{ID: 3, Path: odd, FSID: 3, Client: s.client(0)},
		export.Export{ID: 4, Path: fixed, FSID: 4, Client: s.client(0), ReadOnly: true},
	)
	srv := s.start(exports)

	for machine, own := range [][]string{{exports[0].Path, odd, fixed}, {exports[1].Path}, nil} {
		require.ElementsMatch(t, own, s.showmount(machine))
	}
	for _, v := range versions {
		for machine := range 3 {
			for i, e := range exports[:2] {
				out, err := s.ls(machine, v, e.Path+"/root")
				if machine != i {
					require.Error(t, err, "machine %d has the root of %d by %s: %s", machine, i, v, out)
					continue
				}
				require.NoError(t, err, "version %s: %s", v, out)
				require.Contains(t, out, fmt.Sprintf("file-of-pi%d", i))
			}
		}
		for _, parent := range []string{dir, "/etc"} {
			out, err := s.ls(0, v, parent)
			if v == bootparam.V3 {
				require.Error(t, err, out)
			}
			require.NotContains(t, out, "file-of", "version %s", v)
			require.NotContains(t, out, "passwd", "version %s", v)
		}
	}
	s.writes(exports)
	require.Empty(t, srv.Complaints())
}

// showmount returns the exports that the server tells a machine of.
func (s *shelf) showmount(machine int) []string {
	s.t.Helper()
	out, err := s.nfs(machine, "showmount", "--no-headers", "-e", server.String())
	require.NoError(s.t, err, out)
	var paths []string
	for line := range strings.Lines(out) {
		i := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		require.Contains(s.t, line, s.addr(machine).String())
		paths = append(paths, strings.TrimSpace(line[:i]))
	}
	return paths
}

// writes has a machine write to its own root as root, and to a read-only one.
func (s *shelf) writes(exports []export.Export) {
	s.t.Helper()
	local := filepath.Join(tree(s.t, s.t.TempDir(), "new"), "new")
	out, err := s.nfs(0, "nfs-cp", local, url(bootparam.V3, exports[0].Path+"/root/new"))
	require.NoError(s.t, err, out)
	var st unix.Stat_t
	require.NoError(s.t, unix.Stat(filepath.Join(exports[0].Path, "root/new"), &st))
	require.Zero(s.t, st.Uid, "the machine's root is not root")
	out, err = s.ls(0, bootparam.V3, exports[3].Path)
	require.NoError(s.t, err, out)
	require.Contains(s.t, out, "file-fixed")
	out, err = s.nfs(0, "nfs-cp", local, url(bootparam.V3, exports[3].Path+"/new"))
	require.Error(s.t, err)
	require.Contains(s.t, out, "ROFS")
}

// A root that is exchanged for another is seen at the next mount, and a server
// that was restarted knows it too.
func TestRealExchange(t *testing.T) {
	s := newShelf(t, 1)
	dir := t.TempDir()
	exports := exportsOf(s, filepath.Join(dir, "serve"), 1)
	root := filepath.Join(exports[0].Path, "root")
	next := tree(t, filepath.Join(dir, "generations/2"), "file-of-the-next")
	srv := s.start(exports)
	for _, v := range versions {
		out, err := s.ls(0, v, root)
		require.NoError(t, err, out)
		require.Contains(t, out, "file-of-pi0")
	}
	require.NoError(t, unix.Renameat2(unix.AT_FDCWD, root, unix.AT_FDCWD, next, unix.RENAME_EXCHANGE))
	for _, v := range versions {
		out, err := s.ls(0, v, root)
		require.NoError(t, err, out)
		require.Contains(t, out, "file-of-the-next", "version %s", v)
		require.NotContains(t, out, "file-of-pi0", "version %s", v)
	}
	srv.Kill()
	srv.Restart()
	out, err := s.ls(0, bootparam.V3, root)
	require.NoError(t, err, out)
	require.Contains(t, out, "file-of-the-next")
}

// A file that is replaced on the server is the new one for whoever opens it
// next, also when it was read just before.
func TestRealReplacedFile(t *testing.T) {
	s := newShelf(t, 1)
	exports := exportsOf(s, t.TempDir(), 1)
	s.start(exports)
	path := filepath.Join(exports[0].Path, "root/site.html")
	for i, v := range append(versions, versions...) {
		want := fmt.Sprintf("content %d\n", i)
		require.NoError(t, os.WriteFile(path+".new", []byte(want), 0o644))
		require.NoError(t, os.Rename(path+".new", path))
		local := filepath.Join(t.TempDir(), "copy")
		out, err := s.nfs(0, "nfs-cp", url(v, path), local)
		require.NoError(t, err, out)
		have, err := os.ReadFile(local)
		require.NoError(t, err)
		require.Equal(t, want, string(have), "version %s", v)
	}
}

// A running server takes what changed at SIGHUP: an export more, one less, and
// another client for a third.
func TestRealReload(t *testing.T) {
	s := newShelf(t, 3)
	exports := exportsOf(s, t.TempDir(), 3)
	srv := s.start(exports[:2])
	_, err := s.ls(2, bootparam.V3, exports[2].Path)
	require.Error(t, err)

	changed := slices.Clone(exports[1:])
	changed[0].Client = s.client(0)
	srv.Reload(config(t, changed))
	require.Empty(t, srv.Complaints())
	for _, v := range versions {
		out, err := s.ls(2, v, exports[2].Path)
		require.NoError(t, err, "a new export, version %s: %s", v, out)
		out, err = s.ls(0, v, exports[1].Path)
		require.NoError(t, err, "another client, version %s: %s", v, out)
		out, err = s.ls(1, v, exports[1].Path)
		require.Error(t, err, "its client of before, version %s: %s", v, out)
		out, err = s.ls(0, v, exports[0].Path)
		require.Error(t, err, "an export that is no more, version %s: %s", v, out)
	}
}

// The program of the kernel's server reads each line as it is meant.
func TestRealExportfs(t *testing.T) {
	peer.NeedRoot(t)
	program := peer.DebFile(t, "nfs-kernel-server", "usr/sbin/export*")
	dir := t.TempDir()
	exports := rack()
	for i := range exports {
		exports[i].Path = tree(t, filepath.Join(dir, filepath.Base(exports[i].Path)), "x")
	}
	var b bytes.Buffer
	require.NoError(t, export.WriteExports(&b, exports))
	file := filepath.Join(dir, "exports")
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
	const script = `set -e
exec 3<"$2"
mount -t tmpfs tmpfs /etc
mount -t tmpfs tmpfs /var/lib/nfs
mkdir /etc/exports.d
cat <&3 >/etc/exports
"$1" -ra
cat /var/lib/nfs/etab`
	out, err := exec.CommandContext(t.Context(), peer.Look(t, "unshare"), "--mount", "sh", "-c", script, "sh", program, file).CombinedOutput()
	require.NoError(t, err, string(out))
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, len(exports), string(out))
	for _, want := range [][]string{
		{"/pi1\t10.80.0.2(", "rw,sync", ",secure,no_root_squash", ",no_subtree_check", ",sec=sys", ",nocrossmnt", "fsid=00000000-0000-0000-"},
		{`/pi\0402\043(x)é` + "\tfd00::2(", "rw,sync", ",crossmnt", ",subtree_check", ",fsid=42,"},
		{"/shared\t10.80.0.0/24(", "ro,sync", ",root_squash", ",fsid=2147483647,"},
	} {
		require.True(t, slices.ContainsFunc(lines, func(l string) bool {
			return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(l, w) })
		}), "no line has %q:\n%s", want, out)
	}
}
