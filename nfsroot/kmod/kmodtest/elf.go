package kmodtest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Module is a 64-bit little-endian module whose .modinfo holds the fields, such
// as "depends=nfs,sunrpc".
func Module(fields ...string) []byte {
	const names = "\x00.modinfo\x00.shstrtab\x00"
	info := strings.Join(fields, "\x00") + "\x00"
	header := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_REL), Machine: uint16(elf.EM_AARCH64), Version: uint32(elf.EV_CURRENT),
		Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}
	header.Shoff = uint64(header.Ehsize) + uint64(len(info)+len(names))
	sections := [3]elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: 64, Size: uint64(len(info))},
		{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: 64 + uint64(len(info)), Size: uint64(len(names))},
	}
	var b bytes.Buffer
	write := func(v any) { binary.Write(&b, binary.LittleEndian, v) } //nolint:errcheck // a Buffer takes all
	write(header)
	b.WriteString(info + names)
	write(sections)
	return b.Bytes()
}

// Tree makes a folder as /lib/modules/VERSION, which is removed when the test
// ends: a [Module] for each path, with its fields, and a modules.builtin that
// lists the paths in builtin.
func Tree(t testing.TB, modules map[string][]string, builtin ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lib", "modules", "6.1.0-hostkit")
	files := map[string][]byte{"modules.builtin": []byte(strings.Join(append(builtin, ""), "\n"))}
	for path, fields := range modules {
		files[path] = Module(fields...)
	}
	for path, content := range files {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatalf("kmodtest: %v", err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatalf("kmodtest: %v", err)
		}
	}
	return dir
}
