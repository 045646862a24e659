package kmod_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

// rack is a small tree with what makes closures hard.
var rack = map[string][]string{
	"kernel/fs/nfs/nfsv4.ko":      {"name=nfsv4", "depends=nfs,sunrpc,dns_resolver"},
	"kernel/fs/nfs/nfs.ko":        {"name=nfs", "depends=sunrpc,lockd"},
	"kernel/fs/lockd/lockd.ko":    {"depends=sunrpc"},
	"kernel/net/sunrpc/sunrpc.ko": {"depends="},
	"kernel/net/genet.ko":         {"softdep=pre: mdio-bcm-unimac gone post: later", "firmware=genet.bin"},
	"kernel/net/mdio-bcm-unimac.ko": {
		"depends=", "alias=of:N*T*Cbrcm,genet-mdio-v5", "alias=platform:unimac-mdio", "vermagic=6.1.0 SMP ",
	},
	"kernel/net/later.ko":  nil,
	"kernel/soft/a.ko":     {"softdep=pre: b"},
	"kernel/soft/b.ko":     {"softdep=pre: a"},
	"kernel/soft/self.ko":  {"depends=self"},
	"kernel/broken/off.ko": {"depends=nosuch"},
}

func TestClosure(t *testing.T) {
	tree := open(t, rack, "kernel/net/dns_resolver/dns_resolver.ko")
	for _, tt := range []struct {
		name  string
		names []string
		want  []string
	}{
		{"dependencies first", []string{"nfsv4"}, []string{"sunrpc", "lockd", "nfs", "nfsv4"}},
		{"each once", []string{"nfs", "nfsv4", "nfs"}, []string{"sunrpc", "lockd", "nfs", "nfsv4"}},
		{"built in is satisfied", []string{"dns-resolver"}, nil},
		{"soft ones that exist", []string{"genet"}, []string{"mdio_bcm_unimac", "genet"}},
		{"soft circle", []string{"a"}, []string{"b", "a"}},
		{"the same circle from the other side", []string{"b"}, []string{"a", "b"}},
		{"itself", []string{"self"}, []string{"self"}},
		{"nothing", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			modules, err := tree.Closure(tt.names...)
			require.NoError(t, err)
			var names []string
			for _, m := range modules {
				names = append(names, m.Name)
			}
			require.Equal(t, tt.want, names)
		})
	}
}

func TestClosureMissing(t *testing.T) {
	tree := open(t, rack, "kernel/fs/nfs/nfs_ssc.ko")
	_, err := tree.Closure("bcmgenet", "off", "nfsv5", "zzz")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, `no module "bcmgenet" (there is genet)`)
	require.ErrorContains(t, err, `no module "nosuch", which off needs`)
	require.ErrorContains(t, err, `no module "nfsv5" (there is nfsv4, nfs)`)
	require.ErrorContains(t, err, `no module "zzz"`)

	_, err = tree.Closure("nfs-sc")
	missing, ok := errors.AsType[*kmod.NotFoundError](err)
	require.True(t, ok)
	require.Equal(t, &kmod.NotFoundError{Name: "nfs_sc", Near: []string{"nfs_ssc", "nfs"}}, missing)

	_, err = tree.Module("nfs_sc")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestModule(t *testing.T) {
	tree := open(t, rack)
	m, err := tree.Module("mdio-bcm-unimac")
	require.NoError(t, err)
	require.Equal(t, "mdio_bcm_unimac", m.Name)
	require.Equal(t, kmod.Info{
		Aliases:  []string{"of:N*T*Cbrcm,genet-mdio-v5", "platform:unimac-mdio"},
		VerMagic: "6.1.0 SMP",
	}, m.Info)
	data, err := m.Data()
	require.NoError(t, err)
	require.Equal(t, kmodtest.Module(rack["kernel/net/mdio-bcm-unimac.ko"]...), data)

	m, err = tree.Module("genet")
	require.NoError(t, err)
	require.Equal(t, []string{"genet.bin"}, m.Info.Firmware)
	require.Equal(t, []string{"mdio_bcm_unimac", "gone"}, m.Info.Pre)

	_, err = kmod.Module{Name: "made by hand"}.Data()
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// put writes one more file into a tree.
func put(t *testing.T, dir, path string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.FromSlash(path)), content, 0o644))
}

func xzip(t *testing.T, b []byte, dictionary int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := xz.WriterConfig{DictCap: dictionary}.NewWriter(&out)
	require.NoError(t, err)
	_, err = w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestCompressed(t *testing.T) {
	dir := kmodtest.Tree(t, map[string][]string{"kernel/z.ko": {"depends=x,g"}})
	x, g := kmodtest.Module("name=x"), kmodtest.Module("name=g", "depends=x")
	put(t, dir, "kernel/x.ko.xz", xzip(t, x, 1<<20))
	put(t, dir, "kernel/g.ko.gz", gzipped(t, g))
	tree, err := kmod.Open(dir)
	require.NoError(t, err)
	modules, err := tree.Closure("z")
	require.NoError(t, err)
	require.Equal(t, []string{"kernel/x.ko.xz", "kernel/g.ko.gz", "kernel/z.ko"}, paths(modules))
	for i, want := range [][]byte{x, g} {
		data, err := modules[i].Data()
		require.NoError(t, err)
		require.Equal(t, want, data)
	}
}

func TestHostileFiles(t *testing.T) {
	huge := gzipped(t, make([]byte, kmod.MaxSize+1))
	for _, tt := range []struct {
		name, file string
		content    []byte
		err        error
		text       string
	}{
		{"zstd", "m.ko.zst", []byte{0x28, 0xb5, 0x2f, 0xfd}, errors.ErrUnsupported, "zstd"},
		{"decompression bomb", "m.ko.gz", huge, kmod.ErrTooLarge, "m.ko.gz"},
		{"large dictionary", "m.ko.xz", xzip(t, kmodtest.Module(), 1<<27), kmod.ErrTooLarge, "dictionary of 134217728 bytes"},
		{"not xz", "m.ko.xz", []byte("not at all compressed"), nil, "m.ko.xz"},
		{"not gzip", "m.ko.gz", []byte("not at all compressed"), gzip.ErrHeader, "m.ko.gz"},
		{"cut xz", "m.ko.xz", xzip(t, kmodtest.Module(), 1<<20)[:60], nil, "m.ko.xz"},
		{"empty", "m.ko", nil, kmod.ErrNotModule, "ends early"},
		{"text", "m.ko", bytes.Repeat([]byte("text "), 40), kmod.ErrNotModule, "no ELF header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := kmodtest.Tree(t, map[string][]string{"kernel/ok.ko": nil})
			put(t, dir, "kernel/"+tt.file, tt.content)
			tree, err := kmod.Open(dir)
			require.NoError(t, err)
			_, err = tree.Closure("ok")
			require.NoError(t, err, "what is not asked for does no harm")
			_, err = tree.Closure("m")
			require.ErrorContains(t, err, tt.text)
			if tt.err != nil {
				require.ErrorIs(t, err, tt.err)
			}
		})
	}
}
