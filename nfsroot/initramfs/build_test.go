package initramfs_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/initramfs"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

// pretend is a kernel that has what a preset asks for.
func pretend(t *testing.T) *kmod.Tree {
	t.Helper()
	tree, err := kmod.Open(kmodtest.Tree(t, map[string][]string{
		"kernel/fs/nfs/nfsv3.ko":      {"depends=nfs"},
		"kernel/fs/nfs/nfsv4.ko":      {"depends=nfs,sunrpc"},
		"kernel/fs/nfs/nfs.ko":        {"depends=sunrpc"},
		"kernel/net/sunrpc/sunrpc.ko": nil,
		"kernel/net/genet.ko":         {"firmware=genet.bin"},
		"kernel/net/virtio_net.ko":    nil,
	}, "kernel/drivers/virtio/virtio_pci.ko"))
	require.NoError(t, err)
	return tree
}

func piOptions(t *testing.T) initramfs.Options {
	t.Helper()
	modules, err := initramfs.Pi().Closure(pretend(t))
	require.NoError(t, err)
	return initramfs.Options{
		Init: []byte("#!init"), Modules: modules,
		Files: map[string][]byte{"etc/deep/er/conf": []byte("x"), "bin/tool": []byte("tool"), "empty": nil},
	}
}

// cpioList is what cpio says is in the archive.
func cpioList(t *testing.T, archive []byte, args ...string) string {
	t.Helper()
	cpio := peer.Look(t, "cpio")
	z, err := gzip.NewReader(bytes.NewReader(archive))
	require.NoError(t, err)
	cmd := exec.Command(cpio, append([]string{"--quiet"}, args...)...)
	cmd.Stdin, cmd.Dir = z, t.TempDir()
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}

func TestBuild(t *testing.T) {
	var b bytes.Buffer
	report, err := initramfs.Build(&b, piOptions(t))
	require.NoError(t, err)
	require.Equal(t, int64(b.Len()), report.Size)
	require.Equal(t, sha256.Sum256(b.Bytes()), report.SHA256)
	require.Equal(t, []string{"genet", "sunrpc", "nfs", "nfsv3", "nfsv4"}, report.Modules)
	require.Equal(t, []string{"genet.bin"}, report.Firmware)
	z, err := gzip.NewReader(&b)
	require.NoError(t, err)
	archive, err := io.ReadAll(z)
	require.NoError(t, err)
	require.Equal(t, int64(len(archive)), report.Unpacked)
	require.Zero(t, len(archive)%4)
	require.Contains(t, string(archive), "/lib/modules/genet.ko\n/lib/modules/sunrpc.ko\n/lib/modules/nfs.ko\n")
}

func TestRealCpio(t *testing.T) {
	var b bytes.Buffer
	_, err := initramfs.Build(&b, piOptions(t))
	require.NoError(t, err)
	require.Equal(t, []string{
		"bin", "bin/tool", "dev", "dev/console", "empty", "etc", "etc/deep", "etc/deep/er", "etc/deep/er/conf", "init",
		"lib", "lib/modules", "lib/modules/genet.ko", "lib/modules/nfs.ko", "lib/modules/nfsv3.ko", "lib/modules/nfsv4.ko",
		"lib/modules/sunrpc.ko", "modules.list", "newroot", "proc", "run", "sys",
	}, strings.Fields(cpioList(t, b.Bytes(), "-t")))
	long := cpioList(t, b.Bytes(), "-tv", "--numeric-uid-gid")
	require.Regexp(t, `(?m)^crw------- .* 0 +0 +5, +1 .* dev/console$`, long)
	require.Regexp(t, `(?m)^-rwxr-xr-x .* 6 Jan +1 +1970 init$`, long)
	require.Regexp(t, `(?m)^-rwxr-xr-x .* bin/tool$`, long)
	require.Regexp(t, `(?m)^-rw-r--r-- .* etc/deep/er/conf$`, long)
	require.Regexp(t, `(?m)^drwxr-xr-x .* newroot$`, long)
}

func TestDeterministic(t *testing.T) {
	var one, two bytes.Buffer
	_, err := initramfs.Build(&one, piOptions(t))
	require.NoError(t, err)
	_, err = initramfs.Build(&two, piOptions(t))
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(one.Bytes()), sha256.Sum256(two.Bytes()))
}

func TestBuildRefuses(t *testing.T) {
	good := piOptions(t)
	for _, tt := range []struct {
		name   string
		change func(*initramfs.Options)
		text   string
	}{
		{"no init", func(o *initramfs.Options) { o.Init = nil }, "Options.Init is empty"},
		{"absolute", func(o *initramfs.Options) { o.Files = map[string][]byte{"/etc/passwd": nil} }, "without a leading slash"},
		{"above", func(o *initramfs.Options) { o.Files = map[string][]byte{"../x": nil} }, "not a path"},
		{"root itself", func(o *initramfs.Options) { o.Files = map[string][]byte{".": nil} }, "not a path"},
		{"NUL", func(o *initramfs.Options) { o.Files = map[string][]byte{"a\x00b": nil} }, "not a path"},
		{"a second init", func(o *initramfs.Options) { o.Files = map[string][]byte{"init": nil} }, "made of other options"},
		{"the list", func(o *initramfs.Options) { o.Files = map[string][]byte{initramfs.ModulesList: nil} }, "made of other options"},
		{"file in a file", func(o *initramfs.Options) { o.Files = map[string][]byte{"a": nil, "a/b": nil} }, "a file and a folder"},
		{"file where a mount goes", func(o *initramfs.Options) { o.Files = map[string][]byte{"proc": nil} }, "a file and a folder"},
		{"a module twice", func(o *initramfs.Options) { o.Modules = append(o.Modules, o.Modules[0]) }, "there twice"},
		{"a module of no tree", func(o *initramfs.Options) { o.Modules = []kmod.Module{{Name: "x"}} }, "of no tree"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := good
			o.Modules = append([]kmod.Module(nil), good.Modules...)
			tt.change(&o)
			_, err := initramfs.Build(io.Discard, o)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

var errFull = errors.New("disk full")

// full takes so many bytes and no more.
type full int

func (f *full) Write(b []byte) (int, error) {
	if *f -= full(len(b)); *f < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestBuildDiskFull(t *testing.T) {
	for _, room := range []full{0, 100} {
		_, err := initramfs.Build(&room, piOptions(t))
		require.ErrorIs(t, err, errFull)
	}
}

func TestPresets(t *testing.T) {
	names := func(p initramfs.Preset) (names []string) {
		modules, err := p.Closure(pretend(t))
		require.NoError(t, err)
		for _, m := range modules {
			names = append(names, m.Name)
		}
		return names
	}
	require.Equal(t, []string{"genet", "sunrpc", "nfs", "nfsv3", "nfsv4"}, names(initramfs.Pi()))
	require.Equal(t, []string{"virtio_net", "sunrpc", "nfs", "nfsv3", "nfsv4"}, names(initramfs.Virt()))

	tree, err := kmod.Open(kmodtest.Tree(t, map[string][]string{"kernel/nfsv3.ko": nil, "kernel/virtio_net.ko": nil}))
	require.NoError(t, err)
	_, err = initramfs.Virt().Closure(tree)
	require.ErrorContains(t, err, `no module "nfsv4" (there is nfsv3)`)
}

// A caller may change what a preset gave it.
func TestPresetsAreCopies(t *testing.T) {
	p := initramfs.Pi()
	p.Required[0] = "changed"
	require.Equal(t, "nfsv3", initramfs.Pi().Required[0])
}
