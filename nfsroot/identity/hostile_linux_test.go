package identity_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mythic-beasts/hostkit/nfsroot/identity"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

// TestHostileTrees personalizes trees in which the machine's own root planted
// something. Nothing outside changes. Either what was planted is replaced, and
// the file is the identity's, or there is an error that names the file.
func TestHostileTrees(t *testing.T) {
	tests := []struct {
		name  string
		plant func(t *testing.T, dir, outside string)
		file  string // is the identity's afterwards
		err   string
	}{
		{name: "hostname links to a file outside", plant: linkOut("etc/hostname", "shadow"), file: "etc/hostname"},
		{name: "hostname links outside, relatively", plant: linkUp("etc/hostname", "shadow"), file: "etc/hostname"},
		{name: "hostname links to nothing outside", plant: linkOut("etc/hostname", "new"), file: "etc/hostname"},
		{name: "machine-id links outside", plant: linkOut("etc/machine-id", "shadow"), file: "etc/machine-id"},
		{name: "resolv.conf links outside", plant: linkOut("etc/resolv.conf", "shadow"), file: "etc/resolv.conf"},
		{name: "host key links outside", plant: linkOut("etc/ssh/ssh_host_ed25519_key", "shadow"), file: "etc/ssh/ssh_host_ed25519_key"},
		{name: "old host key links outside", plant: linkOut("etc/ssh/ssh_host_rsa_key", "shadow"), file: "etc/ssh/ssh_host_ed25519_key"},
		{name: "clock-epoch links outside", plant: linkOut("usr/lib/clock-epoch", "shadow"), file: "usr/lib/clock-epoch"},
		{name: "authorized_keys links outside", plant: linkOut("root/.ssh/authorized_keys", "shadow"), file: "root/.ssh/authorized_keys"},
		{name: "hard link to a file outside", plant: hardLink("etc/hostname", "shadow"), file: "etc/hostname"},
		{name: "hosts is a FIFO", plant: fifo("etc/hosts"), file: "etc/hosts"},
		{name: "interfaces is a FIFO", plant: fifo("etc/network/interfaces"), file: "etc/network/interfaces"},
		{name: "hostname is a loop", plant: linkTo("etc/hostname", "hostname"), file: "etc/hostname"},
		{name: "etc links outside", plant: linkOut("etc", "."), err: `write "etc/hostname": path escapes`},
		{name: "etc links up", plant: linkUp("etc", "."), err: `write "etc/hostname": path escapes`},
		{name: "etc/ssh links outside", plant: linkOut("etc/ssh", "."), err: "etc/ssh"},
		{name: "etc is a loop", plant: linkTo("etc", "etc"), err: `write "etc/hostname": too many`},
		{name: "etc is a file", plant: file("etc"), err: `write "etc/hostname": not a directory`},
		{name: ".ssh links outside", plant: linkOut("root/.ssh", "."), err: `mkdir "root/.ssh": something else is in its place`},
		{name: ".ssh links within", plant: linkTo("root/.ssh", "../etc"), err: `mkdir "root/.ssh": something else is in its place`},
		{name: "root links outside", plant: linkOut("root", "."), err: `mkdir "root/.ssh": path escapes`},
		{name: "hostname is a directory", plant: folder("etc/hostname"), err: `write "etc/hostname": a directory is in its place`},
		{name: "host key is a directory", plant: folder("etc/ssh/ssh_host_ed25519_key"), err: `write "etc/ssh/ssh_host_ed25519_key": a directory`},
		{name: "a file of the caller's links outside", plant: linkOut("etc/default/extra", "shadow"), file: "etc/default/extra"},
		{name: "a directory of the caller's links outside", plant: linkOut("etc/default", "."), err: `write "etc/default/extra": path escapes`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			outside := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(outside, "shadow"), []byte("root:secret"), 0o640))
			dir := nfsroottest.GoldenTree(t)
			test.plant(t, dir, outside)
			before := outsideState(t, outside)

			id := full(t)
			id.Files = map[string][]byte{"etc/default/extra": []byte("x")}
			err := identity.Personalize(open(t, dir), id)
			require.Equal(t, before, outsideState(t, outside))
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				require.NotContains(t, err.Error(), outside)
				return
			}
			require.NoError(t, err)
			fi, err := os.Lstat(filepath.Join(dir, test.file))
			require.NoError(t, err)
			require.True(t, fi.Mode().IsRegular())
			require.NotContains(t, string(must(os.ReadFile(filepath.Join(dir, test.file)))), "secret")
			require.NoError(t, identity.Personalize(open(t, dir), id))
		})
	}
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// outsideState is what is there, with modes, times and contents.
func outsideState(t *testing.T, dir string) map[string]string {
	t.Helper()
	state := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		state[at] = fi.Mode().String()
		if fi.Mode().IsRegular() {
			state[at] += fi.ModTime().String() + string(must(os.ReadFile(at)))
		}
		return nil
	}))
	return state
}

type plant = func(t *testing.T, dir, outside string)

// clearAt makes way for something at a path.
func clearAt(t *testing.T, dir, name string) string {
	t.Helper()
	at := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
	require.NoError(t, os.RemoveAll(at))
	return at
}

func linkOut(name, target string) plant {
	return func(t *testing.T, dir, outside string) {
		require.NoError(t, os.Symlink(filepath.Join(outside, target), clearAt(t, dir, name)))
	}
}

func linkUp(name, target string) plant {
	return func(t *testing.T, dir, outside string) {
		up := strings.Repeat("../", 20)
		require.NoError(t, os.Symlink(up+filepath.Join(outside, target), clearAt(t, dir, name)))
	}
}

func linkTo(name, target string) plant {
	return func(t *testing.T, dir, _ string) { require.NoError(t, os.Symlink(target, clearAt(t, dir, name))) }
}

func hardLink(name, target string) plant {
	return func(t *testing.T, dir, outside string) {
		require.NoError(t, os.Link(filepath.Join(outside, target), clearAt(t, dir, name)))
	}
}

func fifo(name string) plant {
	return func(t *testing.T, dir, _ string) { require.NoError(t, syscall.Mkfifo(clearAt(t, dir, name), 0o666)) }
}

func folder(name string) plant {
	return func(t *testing.T, dir, _ string) {
		require.NoError(t, os.MkdirAll(filepath.Join(clearAt(t, dir, name), "full"), 0o755))
	}
}

func file(name string) plant {
	return func(t *testing.T, dir, _ string) {
		require.NoError(t, os.WriteFile(clearAt(t, dir, name), []byte("x"), 0o644))
	}
}
