package nfsroot_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
	"github.com/stretchr/testify/require"
)

// run runs a program that the test needs.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), peer.Look(t, name), args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

func TestPipesAndSockets(t *testing.T) {
	for _, f := range []fault{
		{
			name: "FIFO", path: "var/spool/pipe", want: map[string]string{"var/spool/pipe": "-"},
			seed: func(t *testing.T, dir string) {
				require.NoError(t, os.MkdirAll(filepath.Join(dir, "var/spool"), 0o755))
				require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "var/spool/pipe"), 0o666))
			},
		},
		{
			name: "socket", path: "run/s", want: map[string]string{"run/s": "-"},
			seed: func(t *testing.T, dir string) {
				t.Chdir(dir) // the path of a socket has to be short
				l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "run/s"})
				require.NoError(t, err)
				l.SetUnlinkOnClose(false)
				require.NoError(t, l.Close())
			},
		},
	} {
		t.Run(f.name, func(t *testing.T) {
			f.rule = "pipes-and-sockets"
			dir := nfsroottest.GoldenTree(t)
			f.seed(t, dir)
			f.run(t, dir)
		})
	}
}

func TestRealXattrs(t *testing.T) {
	for _, f := range []fault{
		{
			name: "user attribute", rule: "xattrs", path: "etc/hosts",
			seed: func(t *testing.T, dir string) {
				run(t, "setfattr", "-n", "user.note", "-v", "hello", filepath.Join(dir, "etc/hosts"))
			},
		},
		{
			name: "ACL", rule: "acl", path: "etc/hosts",
			seed: func(t *testing.T, dir string) { run(t, "setfacl", "-m", "u:1:rwx", filepath.Join(dir, "etc/hosts")) },
		},
		{
			name: "default ACL", rule: "acl", path: "var/log",
			seed: func(t *testing.T, dir string) { run(t, "setfacl", "-d", "-m", "g:4:rx", filepath.Join(dir, "var/log")) },
		},
	} {
		t.Run(f.name, func(t *testing.T) {
			dir := nfsroottest.GoldenTree(t)
			f.seed(t, dir)
			f.run(t, dir)
		})
	}
}

// TestRealACLGroup checks that the group does not get what the mask of the list
// let others have.
func TestRealACLGroup(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	at := filepath.Join(dir, "etc/hosts")
	run(t, "setfacl", "-m", "u:1:rwx,g::r,m::rwx", at)
	fi, err := os.Stat(at)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o674), fi.Mode(), "the group's bits are the mask")
	fault{rule: "acl", path: "etc/hosts"}.run(t, dir)
	fi, err = os.Stat(at)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), fi.Mode())
	require.NotContains(t, run(t, "getfacl", "-cp", at), "user:daemon")
}

func TestRealCapabilities(t *testing.T) {
	peer.NeedRoot(t)
	tests := []struct {
		name, path string
		seed       func(t *testing.T, at string)
		setuid     bool
	}{
		{name: "ping", path: "usr/bin/ping", setuid: true},
		{name: "a program that nobody knows", path: "usr/bin/dash"},
		{name: "ping that its group can write", path: "usr/bin/ping", seed: func(t *testing.T, at string) { require.NoError(t, os.Chmod(at, 0o775)) }},
		{name: "ping of another owner", path: "usr/bin/ping", seed: func(t *testing.T, at string) { require.NoError(t, os.Chown(at, 1000, 0)) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := nfsroottest.GoldenTree(t)
			at := filepath.Join(dir, test.path)
			require.NoError(t, os.Chmod(at, 0o755))
			if test.seed != nil {
				test.seed(t, at)
			}
			run(t, "setcap", "cap_net_raw=ep", at)
			fault{rule: "file-capabilities", path: test.path}.run(t, dir)
			require.Empty(t, run(t, "getcap", at))
			fi, err := os.Stat(at)
			require.NoError(t, err)
			require.Equal(t, test.setuid, fi.Mode()&os.ModeSetuid != 0, "%v", fi.Mode())
		})
	}
}

func TestRealFlags(t *testing.T) {
	peer.NeedRoot(t)
	for _, flag := range []string{"i", "a"} {
		t.Run("chattr +"+flag, func(t *testing.T) {
			dir := nfsroottest.GoldenTree(t)
			for _, name := range []string{"etc/hosts", "srv"} {
				at := filepath.Join(dir, name)
				out, err := exec.CommandContext(t.Context(), peer.Look(t, "chattr"), "+"+flag, at).CombinedOutput()
				if err != nil {
					peer.Skip(t, "the filesystem has no such flags: %s", out)
				}
				t.Cleanup(func() { _ = exec.Command("chattr", "-ia", at).Run() })
				fault{rule: "file-flags", path: name}.run(t, dir)
				attributes, _, _ := strings.Cut(run(t, "lsattr", "-d", at), " ")
				require.NotContains(t, attributes, flag)
			}
		})
	}
}

func TestRealDevices(t *testing.T) {
	peer.NeedRoot(t)
	null := 1<<8 | 3
	for _, test := range []struct {
		name, path string
		mode       uint32
		dev        int
		fine       bool
	}{
		{name: "null", path: "dev/null", mode: syscall.S_IFCHR, dev: null, fine: true},
		{name: "null elsewhere", path: "srv/null", mode: syscall.S_IFCHR, dev: null},
		{name: "another device by that name", path: "dev/null", mode: syscall.S_IFCHR, dev: 1<<8 | 1},
		{name: "block device by that name", path: "dev/null", mode: syscall.S_IFBLK, dev: null},
		{name: "disk", path: "dev/sda", mode: syscall.S_IFBLK, dev: 8 << 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := nfsroottest.GoldenTree(t)
			require.NoError(t, syscall.Mknod(filepath.Join(dir, test.path), test.mode|0o600, test.dev))
			if test.fine {
				findings, err := nfsroot.Lint(t.Context(), dir)
				require.NoError(t, err)
				require.Empty(t, findings)
				return
			}
			fault{rule: "devices", path: test.path, want: map[string]string{test.path: "-"}}.run(t, dir)
		})
	}
}

func TestRealMounts(t *testing.T) {
	peer.NeedRoot(t)
	dir := nfsroottest.GoldenTree(t)
	name := "srv/a b\\c\n#"
	at := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(at, 0o755))
	for _, target := range []string{filepath.Join(dir, "proc"), at} {
		if err := syscall.Mount("left", target, "tmpfs", 0, "size=4k"); err != nil {
			peer.Skip(t, "cannot mount: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(target, syscall.MNT_DETACH) })
	}
	require.NoError(t, os.WriteFile(filepath.Join(at, "policy"), nil, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(dir, link))

	findings, err := nfsroot.Lint(t.Context(), link)
	require.NoError(t, err)
	require.Len(t, findings, 2)
	require.Equal(t, "proc", findings[0].Path)
	require.Equal(t, name, findings[1].Path)

	open, err := os.Open(at)
	require.NoError(t, err)
	require.ErrorIs(t, nfsroot.Fix(t.Context(), link, findings), syscall.EBUSY, "what is in use stays")
	require.NoError(t, open.Close())
	require.NoError(t, nfsroot.Fix(t.Context(), link, findings))
	findings, err = nfsroot.Lint(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, findings)
}

// TestRealBindMount has a directory of this machine, on the same filesystem, in
// the tree: nothing in it is the tree's, to find, to mend or to measure.
func TestRealBindMount(t *testing.T) {
	peer.NeedRoot(t)
	dir, mine := nfsroottest.GoldenTree(t), t.TempDir()
	bare := size(t, dir)
	put("x.dpkg-old", "precious")(t, mine)
	put("fstab", "/dev/sda1 / ext4 defaults 0 1\n")(t, mine)
	require.NoError(t, os.Link(filepath.Join(mine, "fstab"), filepath.Join(mine, "swap")))
	before := snapshot(t, mine)
	for _, target := range []string{"srv", "etc"} {
		at := filepath.Join(dir, target)
		if err := syscall.Mount(mine, at, "", syscall.MS_BIND, ""); err != nil {
			peer.Skip(t, "cannot mount: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
	}
	findings, err := nfsroot.Lint(t.Context(), dir)
	require.NoError(t, err)
	for _, f := range findings {
		if f.Rule != "mounts" {
			require.False(t, strings.HasPrefix(f.Path, "etc/") || strings.HasPrefix(f.Path, "srv/"), "%v", f)
		}
	}
	others := slices.DeleteFunc(slices.Clone(findings), func(f nfsroot.Finding) bool { return f.Rule == "mounts" })
	require.NoError(t, nfsroot.Fix(t.Context(), dir, others))
	require.Less(t, size(t, dir).Total.Inodes, bare.Total.Inodes)
	require.Equal(t, before, snapshot(t, mine))
	require.NoError(t, nfsroot.Fix(t.Context(), dir, findings))
	require.Equal(t, before, snapshot(t, mine))
	findings, err = nfsroot.Lint(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, findings)
}

// TestLintHostileTree plants links, FIFOs and endless files wherever a rule
// reads: Lint, Fix and Size end, and nothing outside is read or changed.
func TestLintHostileTree(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "shadow")
	require.NoError(t, os.WriteFile(secret, []byte("root::0:0:::::\n/dev/sda1 / ext4 defaults 0 1\n"), 0o640))
	require.NoError(t, os.Mkdir(filepath.Join(outside, "ssh"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(outside, "ssh/ssh_host_rsa_key"), nil, 0o600))
	before := snapshot(t, outside)

	files := []string{
		"etc/shadow", "etc/passwd", "etc/fstab", "etc/hostname", "etc/hosts", "etc/apt/sources.list", "etc/apt/apt.conf",
		"etc/network/interfaces", "etc/systemd/journald.conf", "etc/machine-id", "var/lib/dpkg/status", "var/lib/dpkg/info/dash.list",
		"etc/systemd/network/10.network", "etc/initramfs-tools/initramfs.conf", "etc/systemd/system/apt-daily.timer.d/x.conf",
	}
	plants := map[string]func(at string) error{
		"links out":         func(at string) error { return os.Symlink(secret, at) },
		"links out by dots": func(at string) error { return os.Symlink(strings.Repeat("../", 30)+secret, at) },
		"loops":             func(at string) error { return os.Symlink(filepath.Base(at), at) },
		"FIFOs":             func(at string) error { return syscall.Mkfifo(at, 0o666) },
		"directories":       func(at string) error { return os.Mkdir(at, 0o755) },
		"endless files": func(at string) error {
			if err := os.WriteFile(at, nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(at, 1<<40)
		},
	}
	for name, plant := range plants {
		t.Run(name, func(t *testing.T) {
			dir := nfsroottest.GoldenTree(t)
			for _, file := range files {
				at := filepath.Join(dir, file)
				require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
				require.NoError(t, os.RemoveAll(at))
				require.NoError(t, plant(at))
			}
			findings, err := nfsroot.Lint(t.Context(), dir)
			require.Equal(t, name == "endless files", err != nil, "%v", err)
			for _, f := range findings {
				require.NotContains(t, f.Message, "sda1")
			}
			_ = nfsroot.Fix(t.Context(), dir, findings)
			_, _ = nfsroot.Size(t.Context(), dir)
			require.Equal(t, before, snapshot(t, outside))
		})
	}
	t.Run("directories that link out", func(t *testing.T) {
		dir := nfsroottest.GoldenTree(t)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "etc")))
		require.NoError(t, os.Symlink(outside, filepath.Join(dir, "etc")))
		findings, err := nfsroot.Lint(t.Context(), dir)
		require.Error(t, err)
		require.NotContains(t, findings, "ssh_host")
		_ = nfsroot.Fix(t.Context(), dir, findings)
		require.Equal(t, before, snapshot(t, outside))
	})
}

// TestLintDeepTree is one that recursion would not come back from.
func TestLintDeepTree(t *testing.T) {
	dir := nfsroottest.GoldenTree(t)
	t.Chdir(dir)
	for range 1000 {
		require.NoError(t, os.Mkdir("d", 0o755))
		require.NoError(t, syscall.Chdir("d"))
	}
	_, err := nfsroot.Lint(t.Context(), dir)
	require.ErrorContains(t, err, "deeper than 200 directories")
	_, err = nfsroot.Size(t.Context(), dir)
	require.ErrorContains(t, err, "deeper than 200 directories")
}
