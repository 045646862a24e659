package build_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// A minimal root, and the same again by a plain user, with a damaged cache of
// packages.
func TestRealMmdebstrap(t *testing.T) {
	needTools(t, "mmdebstrap")
	b := &build.Builder{Backend: build.Mmdebstrap, CacheDir: userCache(t), MaxAge: -1}
	for _, suite := range []string{"bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			s := spec()
			s.Suite, s.Arch = suite, native()
			m, dst := built(t, b, s)
			soundRoot(t, m, dst)
			if suite == "bookworm" {
				truncatePackage(t, b.CacheDir, "openssh-server_")
				require.Equal(t, m.Digest, asPlainUser(t, b.CacheDir), "root and a plain user build the same")
			}
		})
	}
}

func TestRealDebootstrap(t *testing.T) {
	needTools(t, "debootstrap")
	b := &build.Builder{Backend: build.Debootstrap, CacheDir: userCache(t), MaxAge: -1}
	s := spec()
	s.Arch = native()
	m, dst := built(t, b, s)
	soundRoot(t, m, dst)
}

func TestRealKernel(t *testing.T) {
	needTools(t, "mmdebstrap", "depmod")
	b := &build.Builder{CacheDir: userCache(t), MaxAge: -1}
	s := smallest()
	s.Packages = append(s.Packages, "kmod")
	s.Kernel = &nfsroot.Kernel{Package: "linux-image-6.1.0-*-" + string(s.Arch), Modules: []string{"nfsv4", "8021q"}}
	m, dst := built(t, b, s)
	require.NotEmpty(t, m.Kernel)
	out, err := exec.Command("chroot", dst, "modprobe", "--set-version="+m.Kernel, "--show-depends", "nfsv4").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "sunrpc.ko")
	require.NoDirExists(t, filepath.Join(dst, "usr/lib/modules", m.Kernel, "kernel/sound"))
	empty, err := filepath.Glob(filepath.Join(dst, "boot/*"))
	require.NoError(t, err)
	require.Empty(t, empty)
}

// built builds in a new folder, and checks that nothing else is left there.
func built(t *testing.T, b *build.Builder, s nfsroot.Spec) (*nfsroot.Manifest, string) {
	t.Helper()
	dir := t.TempDir()
	dst := filepath.Join(dir, "base")
	m, err := b.Build(t.Context(), s, dst)
	require.NoError(t, err)
	only(t, dir, "base")
	require.Empty(t, mounts(t, dir))
	require.Empty(t, processes(dir))
	return m, dst
}

// soundRoot checks a minimal root.
func soundRoot(t *testing.T, m *nfsroot.Manifest, dst string) {
	t.Helper()
	require.FileExists(t, filepath.Join(dst, "usr/sbin/sshd"))
	for _, p := range m.Packages {
		require.Len(t, p.SHA256, 64, p.Name)
		require.NotEqual(t, "usrmerge", p.Name)
		require.NotEqual(t, "perl", p.Name)
	}
	out, err := exec.Command("dpkg", "--root="+dst, "--audit").CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, string(out))
	findings, err := nfsroot.Lint(t.Context(), dst)
	require.NoError(t, err)
	for _, f := range findings {
		require.NotEqual(t, nfsroot.Error, f.Severity, f)
	}
	noHostLeak(t, dst)
	require.LessOrEqual(t, blocks(t, dst)>>20, int64(150), "MiB")
}

// noHostLeak looks for this machine's name and resolver in the configuration,
// and for devices.
func noHostLeak(t *testing.T, dst string) {
	t.Helper()
	host, err := os.Hostname()
	require.NoError(t, err)
	err = filepath.WalkDir(filepath.Join(dst, "etc"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if len(host) > 3 {
			require.NotContains(t, strings.Fields(string(text)), host, path)
		}
		require.NotContains(t, string(text), "unsafe-io", path)
		return err
	})
	require.NoError(t, err)
	resolv, err := os.ReadFile(filepath.Join(dst, "etc/resolv.conf"))
	require.NoError(t, err)
	require.Empty(t, resolv)
	only(t, filepath.Join(dst, "dev"))
	keys, err := filepath.Glob(filepath.Join(dst, "etc/ssh/ssh_host_*"))
	require.NoError(t, err)
	require.Empty(t, keys)
}

// blocks is what a tree takes on the disk.
func blocks(t *testing.T, dir string) int64 {
	t.Helper()
	seen := map[uint64]bool{}
	var total int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st := info.Sys().(*syscall.Stat_t); !seen[st.Ino] {
			seen[st.Ino] = true
			total += st.Blocks * 512
		}
		return nil
	})
	require.NoError(t, err)
	return total
}

// truncatePackage damages a package in the cache, as a crash would.
func truncatePackage(t *testing.T, cache, prefix string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cache, "packages/*/debs/*", prefix+"*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(f, info.Size()/2))
	}
}

// asPlainUser builds the usual spec as the user nobody, and returns the digest.
func asPlainUser(t *testing.T, packages string) string {
	t.Helper()
	dir := forNobody(t)
	cache := filepath.Join(dir, "user")
	run(t, "cp", "-a", packages, cache)
	require.NoError(t, os.RemoveAll(filepath.Join(cache, "roots")))
	run(t, "chown", "-R", "nobody:", cache)
	h := helper{Tar: true, Dst: filepath.Join(cache, "root.tar"), CacheDir: cache, TempDir: cache}
	out, err := h.asNobody(t, dir).CombinedOutput()
	require.NoError(t, err, string(out))
	_, digest, found := strings.Cut(strings.TrimSpace(string(out)), "digest ")
	require.True(t, found, string(out))
	return digest
}
