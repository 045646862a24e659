package kmod_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

func open(t *testing.T, modules map[string][]string, builtin ...string) *kmod.Tree {
	t.Helper()
	tree, err := kmod.Open(kmodtest.Tree(t, modules, builtin...))
	require.NoError(t, err)
	return tree
}

func paths(modules []kmod.Module) []string {
	var p []string
	for _, m := range modules {
		p = append(p, m.Path)
	}
	return p
}

func TestNames(t *testing.T) {
	tree := open(t, map[string][]string{
		"kernel/net/phy/phy-generic.ko": nil,
		"kernel/fs/nfs/nfs.ko.xz":       nil,
		"kernel/fs/nfs/notes.txt":       nil,
		"modules.order":                 nil,
	}, "kernel/net/packet/af_packet.ko", "kernel/lib/crc-ccitt.ko")
	require.Equal(t, []string{"nfs", "phy_generic"}, tree.Names())
	require.True(t, tree.Has("phy-generic"))
	require.True(t, tree.Has("phy_generic"))
	require.False(t, tree.BuiltIn("phy_generic"))
	require.True(t, tree.BuiltIn("af-packet"))
	require.True(t, tree.Has("crc_ccitt"))
	require.False(t, tree.Has("notes"))
}

// DKMS and the like put what replaces a module of the kernel in updates/.
func TestUpdatesWin(t *testing.T) {
	tree := open(t, map[string][]string{
		"kernel/fs/nfs.ko":  nil,
		"updates/nfs.ko":    {"depends="},
		"zzz/other/nfs.ko":  nil,
		"extra/r8169.ko":    nil,
		"kernel/a/r8169.ko": nil,
	})
	modules, err := tree.Closure("nfs", "r8169")
	require.NoError(t, err)
	require.Equal(t, []string{"updates/nfs.ko", "extra/r8169.ko"}, paths(modules))
}

func TestOpenRefuses(t *testing.T) {
	_, err := kmod.Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	_, err = kmod.Open(t.TempDir())
	require.ErrorContains(t, err, "holds no kernel modules")
	require.ErrorIs(t, err, fs.ErrNotExist)

	dir := kmodtest.Tree(t, nil)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "modules.builtin"), make([]byte, 2<<20), 0o644))
	_, err = kmod.Open(dir)
	require.ErrorIs(t, err, kmod.ErrTooLarge)
}

// Kernels before 2.6.33 have no modules.builtin.
func TestNoBuiltinList(t *testing.T) {
	dir := kmodtest.Tree(t, map[string][]string{"kernel/a.ko": nil})
	require.NoError(t, os.Remove(filepath.Join(dir, "modules.builtin")))
	tree, err := kmod.Open(dir)
	require.NoError(t, err)
	require.True(t, tree.Has("a"))
}

// A link could lead out of the tree that a stranger's package unpacked.
func TestLinksAreNotFollowed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.ko")
	require.NoError(t, os.WriteFile(secret, kmodtest.Module(), 0o600))
	dir := kmodtest.Tree(t, map[string][]string{"kernel/a.ko": nil})
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "kernel", "b.ko")))
	require.NoError(t, os.Symlink(filepath.Dir(secret), filepath.Join(dir, "build")))
	tree, err := kmod.Open(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, tree.Names())
}
