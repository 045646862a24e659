// Package foreigntest builds roots of other architectures. That takes minutes
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

// The smallest roots. Debootstrap runs more under emulation than mmdebstrap: each
// of its steps is in a chroot. What is built is not taken from an earlier run.
func TestReal(t *testing.T) {
	peer.NeedRoot(t)
	for _, tt := range []struct {
		arch    nfsroot.Arch
		backend build.Backend
		qemu    string
		machine elf.Machine
		class   elf.Class
	}{
		{nfsroot.ARM64, build.Debootstrap, "qemu-aarch64-static", elf.EM_AARCH64, elf.ELFCLASS64},
		{nfsroot.ARMHF, build.Mmdebstrap, "qemu-arm-static", elf.EM_ARM, elf.ELFCLASS32},
	} {
		t.Run(string(tt.arch), func(t *testing.T) {
			if runtime.GOARCH == "arm64" || runtime.GOARCH == "arm" {
				t.Skip("not foreign here")
			}
			peer.Need(t, string(tt.backend), tt.qemu, "setpriv")
			spec := nfsroot.Minimal("bookworm", tt.arch)
			spec.Packages, spec.Mirrors = []string{"usr-is-merged"}, spec.Archives()[:1]
			before := registrations(t)
			dst := filepath.Join(t.TempDir(), "base")
			b := &build.Builder{Backend: tt.backend, MaxAge: -1}
			m, err := b.Build(t.Context(), spec, dst)
			require.NoError(t, err)
			require.Equal(t, before, registrations(t), "the system's own binfmt_misc is as it was")
			require.Equal(t, tt.arch, m.Arch)

			dpkg, err := elf.Open(filepath.Join(dst, "usr/bin/dpkg"))
			require.NoError(t, err)
			defer dpkg.Close()
			require.Equal(t, tt.machine, dpkg.Machine)
			require.Equal(t, tt.class, dpkg.Class)
			// the root's own, since to this machine's its packages are foreign
			out, err := exec.Command(tt.qemu, "-L", dst, filepath.Join(dst, "usr/bin/dpkg"), "--root="+dst, "--audit").CombinedOutput()
			require.NoError(t, err, string(out))
			require.Empty(t, string(out))
			check(t, dst, m)
		})
	}
}

// check looks at what is the same in all roots.
func check(t *testing.T, dst string, m *nfsroot.Manifest) {
	t.Helper()
	require.Greater(t, len(m.Packages), 60)
	for _, p := range m.Packages {
		require.Contains(t, []string{string(m.Arch), "all"}, p.Arch, p.Name)
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
