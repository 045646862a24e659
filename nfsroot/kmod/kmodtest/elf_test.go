package kmodtest_test

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

// debug/elf is another reader than the one of package kmod.
func TestModule(t *testing.T) {
	f, err := elf.NewFile(bytes.NewReader(kmodtest.Module("name=nfs", "depends=sunrpc")))
	require.NoError(t, err)
	info, err := f.Section(".modinfo").Data()
	require.NoError(t, err)
	require.Equal(t, "name=nfs\x00depends=sunrpc\x00", string(info))
}

func TestTree(t *testing.T) {
	dir := kmodtest.Tree(t, map[string][]string{"kernel/fs/nfs/nfs.ko": nil}, "kernel/net/sunrpc/sunrpc.ko")
	require.FileExists(t, filepath.Join(dir, "kernel/fs/nfs/nfs.ko"))
	require.FileExists(t, filepath.Join(dir, "modules.builtin"))
}
