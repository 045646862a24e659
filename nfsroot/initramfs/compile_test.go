package initramfs_test

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
)

func TestCompileInit(t *testing.T) {
	for arch, machine := range map[nfsroot.Arch]elf.Machine{
		nfsroot.AMD64: elf.EM_X86_64, nfsroot.ARM64: elf.EM_AARCH64, nfsroot.ARMHF: elf.EM_ARM,
	} {
		t.Run(string(arch), func(t *testing.T) {
			init, err := initramfs.CompileInit(t.Context(), arch)
			require.NoError(t, err)
			again, err := initramfs.CompileInit(t.Context(), arch)
			require.NoError(t, err)
			require.True(t, bytes.Equal(init, again), "the same sources give the same bytes")
			f, err := elf.NewFile(bytes.NewReader(init))
			require.NoError(t, err)
			require.Equal(t, machine, f.Machine)
			require.Nil(t, f.Section(".interp"), "an initramfs has no dynamic linker")
			require.Less(t, len(init), 3<<20)
		})
	}
}

// Somebody's own program, in a module of its own, compiles nfsinit as well, and
// its go.mod stays as it is.
func TestCompileInitElsewhere(t *testing.T) {
	here, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	gomod := "module example.org/rack\n\ngo 1.26.0\n\nrequire github.com/mythic-beasts/hostkit v0.0.0\n\n" +
		"replace github.com/mythic-beasts/hostkit => " + here + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(gomod), 0o644))
	sum, err := os.ReadFile(filepath.Join(here, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644))
	t.Chdir(dir)
	init, err := initramfs.CompileInit(t.Context(), nfsroot.ARM64)
	require.NoError(t, err)
	require.Equal(t, "\x7fELF", string(init[:4]))
	after, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Equal(t, gomod, string(after))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2)
}

func TestCompileInitRefuses(t *testing.T) {
	_, err := initramfs.CompileInit(t.Context(), "sparc")
	require.ErrorContains(t, err, `architecture "sparc"`)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = initramfs.CompileInit(ctx, nfsroot.AMD64)
	require.ErrorIs(t, err, context.Canceled)

	t.Chdir(t.TempDir())
	_, err = initramfs.CompileInit(t.Context(), nfsroot.AMD64)
	require.ErrorContains(t, err, "no module that depends on github.com/mythic-beasts/hostkit")

	t.Setenv("PATH", t.TempDir())
	_, err = initramfs.CompileInit(t.Context(), nfsroot.AMD64)
	require.ErrorIs(t, err, exec.ErrNotFound)
	require.True(t, strings.Contains(err.Error(), "needs the go command"), err)
}
