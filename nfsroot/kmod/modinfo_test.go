package kmod_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/nfsroot/kmod"
	"github.com/mythic-beasts/hostkit/nfsroot/kmod/kmodtest"
)

func TestReadInfo(t *testing.T) {
	info, err := kmod.ReadInfo(bytes.NewReader(kmodtest.Module(
		"license=GPL", "name=snd-hda-intel", "depends=snd-pcm,snd", "softdep=post: x pre: y-z w", "softdep=pre: v",
		"depends=", "firmware=a.bin", "firmware=b.bin", "nonsense", "",
	)))
	require.NoError(t, err)
	require.Equal(t, kmod.Info{
		Name:     "snd_hda_intel",
		Depends:  []string{"snd_pcm", "snd"},
		Pre:      []string{"y_z", "w", "v"},
		Firmware: []string{"a.bin", "b.bin"},
	}, info)
}

// narrow is a module for a 32-bit big-endian machine.
func narrow() []byte {
	const names, info = "\x00.modinfo\x00.shstrtab\x00", "name=m\x00"
	var b bytes.Buffer
	write := func(v any) { binary.Write(&b, binary.BigEndian, v) }
	write(elf.Header32{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(elf.ELFDATA2MSB), 1},
		Shoff: uint32(52 + len(info) + len(names)), Ehsize: 52, Shentsize: 40, Shnum: 3, Shstrndx: 2,
	})
	b.WriteString(info + names)
	write([]elf.Section32{{}, {Name: 1, Off: 52, Size: uint32(len(info))}, {Name: 10, Off: uint32(52 + len(info)), Size: uint32(len(names))}})
	return b.Bytes()
}

func TestReadInfoNarrow(t *testing.T) {
	info, err := kmod.ReadInfo(bytes.NewReader(narrow()))
	require.NoError(t, err)
	require.Equal(t, "m", info.Name)
}

func TestReadInfoRefuses(t *testing.T) {
	const table, entry = 40, 64 // e_shoff; size of a section's header
	change := func(fn func(b []byte)) []byte {
		b := kmodtest.Module("name=m")
		fn(b)
		return b
	}
	// header is that of section i.
	header := func(b []byte, i int) []byte { return b[len(b)-(3-i)*entry:] }
	for _, tt := range []struct {
		name string
		elf  []byte
		err  error
	}{
		{"class", change(func(b []byte) { b[4] = 3 }), kmod.ErrNotModule},
		{"byte order", change(func(b []byte) { b[5] = 0 }), kmod.ErrNotModule},
		{"table before the file", change(func(b []byte) { binary.LittleEndian.PutUint64(b[table:], 1<<63) }), kmod.ErrNotModule},
		{"table after the file", change(func(b []byte) { binary.LittleEndian.PutUint64(b[table:], 1<<40) }), kmod.ErrNotModule},
		{"entry size", change(func(b []byte) { b[58] = 8 }), kmod.ErrNotModule},
		{"names out of the table", change(func(b []byte) { b[62] = 3 }), kmod.ErrNotModule},
		{"no sections", change(func(b []byte) { b[60], b[62] = 0, 0 }), kmod.ErrNotModule},
		{"huge section", change(func(b []byte) { binary.LittleEndian.PutUint64(header(b, 1)[32:], 1<<40) }), kmod.ErrTooLarge},
		{"negative section", change(func(b []byte) { binary.LittleEndian.PutUint64(header(b, 1)[32:], 1<<63) }), kmod.ErrNotModule},
		{"section after the file", change(func(b []byte) { binary.LittleEndian.PutUint64(header(b, 1)[24:], 1<<40) }), kmod.ErrNotModule},
		{"section without contents", change(func(b []byte) { header(b, 1)[4] = byte(elf.SHT_NOBITS) }), kmod.ErrNotModule},
		{"name out of the names", change(func(b []byte) { binary.LittleEndian.PutUint32(header(b, 1), 1<<31) }), kmod.ErrNotModule},
		{"no .modinfo", change(func(b []byte) { header(b, 1)[0] = 3 }), kmod.ErrNotModule},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kmod.ReadInfo(bytes.NewReader(tt.elf))
			require.ErrorIs(t, err, tt.err)
		})
	}
}

// The folder testdata/fuzz holds what once went wrong.
func FuzzReadInfo(f *testing.F) {
	f.Add(kmodtest.Module("name=nfs", "depends=sunrpc,lockd", "softdep=pre: a post: b"))
	f.Add(narrow())
	f.Add([]byte("\x7fELF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := kmod.ReadInfo(bytes.NewReader(b))
		if err != nil {
			require.Zero(t, info)
		}
	})
}

// FuzzCompressed reads modules out of files that lie about how they are
// compressed.
func FuzzCompressed(f *testing.F) {
	f.Add([]byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00"), true)
	f.Add([]byte("\x1f\x8b\x08\x00"), false)
	dir := kmodtest.Tree(f, map[string][]string{"m.ko": nil})
	f.Fuzz(func(t *testing.T, b []byte, xz bool) {
		name := "x.ko.gz"
		if xz {
			name = "x.ko.xz"
		}
		require.NoError(t, os.WriteFile(dir+"/"+name, b, 0o600))
		tree, err := kmod.Open(dir)
		require.NoError(t, err)
		m, err := tree.Module("x")
		require.NoError(t, os.Remove(dir+"/"+name))
		if err == nil {
			_, err = m.Data()
			require.NoError(t, err)
		}
	})
}
