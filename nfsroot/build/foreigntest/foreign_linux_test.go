// Package foreigntest builds roots of another architecture. That takes minutes
// under emulation, so it has the time limit of a package to itself, and a root
// that another run built today is taken from the cache.
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

func TestRealARM64(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("arm64 is not foreign here")
	}
	for _, tt := range []struct {
		backend  build.Backend
		packages []string // nil: those of Minimal
	}{
		{build.Mmdebstrap, nil},
		{build.Debootstrap, []string{"openssh-server", "usr-is-merged"}},
	} {
		t.Run(string(tt.backend), func(t *testing.T) {
			peer.NeedRoot(t)
			peer.Need(t, string(tt.backend), "qemu-aarch64-static", "dpkg")
			spec := nfsroot.Minimal("bookworm", nfsroot.ARM64)
			if tt.packages != nil {
				spec.Packages = tt.packages
			}
			before := registrations(t)
			dst := filepath.Join(t.TempDir(), "base")
			b := &build.Builder{Backend: tt.backend}
			m, err := b.Build(t.Context(), spec, dst)
			require.NoError(t, err)
			require.Equal(t, before, registrations(t), "the system's own binfmt_misc is as it was")
			require.Equal(t, nfsroot.ARM64, m.Arch)

			sshd, err := elf.Open(filepath.Join(dst, "usr/sbin/sshd"))
			require.NoError(t, err)
			defer sshd.Close()
			require.Equal(t, elf.EM_AARCH64, sshd.Machine)
			out, err := exec.Command("dpkg", "--root="+dst, "--audit").CombinedOutput()
			require.NoError(t, err)
			require.Empty(t, string(out))
			findings, err := nfsroot.Lint(t.Context(), dst)
			require.NoError(t, err)
			for _, f := range findings {
				require.NotEqual(t, nfsroot.Error, f.Severity, f)
			}
			devices, err := os.ReadDir(filepath.Join(dst, "dev"))
			require.NoError(t, err)
			require.Empty(t, devices)
		})
	}
}

// registrations are the names in the system's binfmt_misc.
func registrations(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/sys/fs/binfmt_misc/*")
	require.NoError(t, err)
	return names
}
