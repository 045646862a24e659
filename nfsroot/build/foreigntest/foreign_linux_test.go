// Package foreigntest builds a root of another architecture. That takes minutes
// under emulation, so it has the time limit of a package to itself.
package foreigntest

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

// The smallest root, by debootstrap, which runs more of it under emulation than
// mmdebstrap: each of its steps is in a chroot. What is built is not taken from
// an earlier run.
func TestRealARM64(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("arm64 is not foreign here")
	}
	peer.NeedRoot(t)
	peer.Need(t, "debootstrap", "qemu-aarch64-static", "setpriv")
	spec := nfsroot.Minimal("bookworm", nfsroot.ARM64)
	spec.Packages, spec.Mirrors = []string{"usr-is-merged"}, spec.Archives()[:1]
	before := registrations(t)
	dst := filepath.Join(t.TempDir(), "base")
	b := &build.Builder{Backend: build.Debootstrap, MaxAge: -1}
	m, err := b.Build(t.Context(), spec, dst)
	require.NoError(t, err)
	require.Equal(t, before, registrations(t), "the system's own binfmt_misc is as it was")
	require.Equal(t, nfsroot.ARM64, m.Arch)

	dpkg, err := elf.Open(filepath.Join(dst, "usr/bin/dpkg"))
	require.NoError(t, err)
	defer dpkg.Close()
	require.Equal(t, elf.EM_AARCH64, dpkg.Machine)
	// the root's own, since to this machine's its packages are foreign
	out, err := exec.Command("qemu-aarch64-static", "-L", dst, filepath.Join(dst, "usr/bin/dpkg"), "--root="+dst, "--audit").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, string(out))
	require.Greater(t, len(m.Packages), 60)
	for _, p := range m.Packages {
		require.Contains(t, []string{"arm64", "all"}, p.Arch, p.Name)
	}
	findings, err := nfsroot.Lint(t.Context(), dst)
	require.NoError(t, err)
	for _, f := range findings {
		require.NotEqual(t, nfsroot.Error, f.Severity, f)
	}
	devices, err := os.ReadDir(filepath.Join(dst, "dev"))
	require.NoError(t, err)
	require.Empty(t, devices)
}

// registrations are the names in the system's binfmt_misc.
func registrations(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/sys/fs/binfmt_misc/*")
	require.NoError(t, err)
	return names
}
