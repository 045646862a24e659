package netboot_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// read returns the whole of a file of m, and what it is called in the view.
func read(t testing.TB, m *netboot.Machine, name string) (text, within string) {
	t.Helper()
	f, err := m.Open(name)
	require.NoError(t, err)
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	require.NoError(t, err)
	require.EqualValues(t, len(b), f.Size())
	return string(b), f.Name()
}

func TestMachineOpenNames(t *testing.T) {
	m := &netboot.Machine{
		Prefixes: []string{"rack3/pi17", "/boot/"},
		Files: netboot.TextFS(map[string]string{
			"start.elf":           "firmware",
			"overlays/x.dtbo":     "overlay",
			"deadbeef/own.txt":    "a real directory that looks like a serial number",
			"efi/boot/bootx64.xx": "windows slashes",
		}),
	}
	tests := []struct{ asked, within string }{
		{"start.elf", "start.elf"},
		{"/start.elf", "start.elf"},
		{"///start.elf", "start.elf"},
		{"./overlays//x.dtbo", "overlays/x.dtbo"},
		{`\efi\boot\bootx64.xx`, "efi/boot/bootx64.xx"},
		{"5564247d/start.elf", "start.elf"},
		{"5564247D/start.elf", "start.elf"},
		{"dc-a6-32-01-02-03/start.elf", "start.elf"},
		{"DC-A6-32-01-02-03/overlays/x.dtbo", "overlays/x.dtbo"},
		{"rack3/pi17/start.elf", "start.elf"},
		{"boot/start.elf", "start.elf"},
		{"deadbeef/own.txt", "deadbeef/own.txt"},
		{"deadbeef/start.elf", "start.elf"},
	}
	for _, tt := range tests {
		t.Run(tt.asked, func(t *testing.T) {
			_, within := read(t, m, tt.asked)
			require.Equal(t, tt.within, within)
		})
	}
}

func TestMachineOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	tree := filepath.Join(dir, "tree")
	require.NoError(t, os.MkdirAll(filepath.Join(tree, "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tree, "start.elf"), []byte("firmware"), 0o600))
	require.NoError(t, os.Symlink("../secret", filepath.Join(tree, "up")))
	require.NoError(t, os.Symlink(secret, filepath.Join(tree, "away")))
	require.NoError(t, os.Symlink("loop", filepath.Join(tree, "loop")))
	files, err := netboot.DirFS(tree)
	require.NoError(t, err)
	m := &netboot.Machine{Files: files}
	names := []string{
		"", "/", `\`, ".", "./", "//", "..", "../secret", "/../secret", `..\secret`, `\..\secret`, "sub/../../secret",
		"sub/../start.elf", "5564247d/../start.elf", "5564247d/../../secret", "start.elf\x00", "\x00", "start.elf\x00.bin",
		"\xff\xfe", strings.Repeat("a", 256), strings.Repeat("a/", 255), strings.Repeat("a", 513), secret, "/etc/passwd", "up", "away", "loop",
		"sub", "sub/", "start.elf/x", "start.elf/..", "5564247d", "5564247d/", "5564247d/5564247d/start.elf", "dc-a6-32-01-02/start.elf",
		"dc:a6:32:01:02:03/start.elf", "5564247g/start.elf", "nothere",
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			f, err := m.Open(name)
			require.ErrorIs(t, err, fs.ErrNotExist)
			require.Nil(t, f)
			if name != secret { // which the client said itself
				require.NotContains(t, err.Error(), dir)
			}
		})
	}
	_, err = (&netboot.Machine{}).Open("start.elf")
	require.ErrorIs(t, err, fs.ErrNotExist, "a machine without files")
}

func TestMachineOpenUpdate(t *testing.T) {
	m := &netboot.Machine{Files: netboot.TextFS(map[string]string{"pieeprom.upd": "eeprom", "recovery.bin": "recovery"})}
	for _, name := range []string{"pieeprom.upd", "5564247d/PIEEPROM.upd", "recovery.bin/", `\recovery.bin`, "vl805.bin"} {
		_, err := m.Open(name)
		require.ErrorIs(t, err, netboot.ErrUpdateRefused, name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	_, err := m.Open("pieeprom")
	require.NotErrorIs(t, err, netboot.ErrUpdateRefused)
	m.AllowUpdate = true
	text, _ := read(t, m, "5564247d/pieeprom.upd")
	require.Equal(t, "eeprom", text)
}

func TestMachineOpenErrorsNameNoPath(t *testing.T) {
	broken := &fs.PathError{Op: "open", Path: "/srv/secret/place", Err: errors.New("input/output error")}
	m := &netboot.Machine{Files: openFunc(func(string) (fs.File, error) { return nil, broken })}
	_, err := m.Open("5564247d/start.elf")
	require.ErrorContains(t, err, "input/output error")
	require.NotContains(t, err.Error(), "/srv")
	require.NotErrorIs(t, err, fs.ErrNotExist)
}

type openFunc func(name string) (fs.File, error)

func (f openFunc) Open(name string) (fs.File, error) { return f(name) }

// streamFS hides that its files can be read from anywhere.
type streamFS struct{ fs.FS }

func (s streamFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	return struct{ fs.File }{f}, err
}

func TestFileOfStream(t *testing.T) {
	m := &netboot.Machine{Files: streamFS{netboot.TextFS(map[string]string{"config.txt": "arm_64bit=1\n"})}}
	f, err := m.Open("config.txt")
	require.NoError(t, err)
	b := make([]byte, 5)
	n, err := f.ReadAt(b, 7)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "it=1\n", string(b[:n]))
	require.EqualValues(t, 12, f.Size())
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
}

func TestFileReadAt(t *testing.T) {
	m := &netboot.Machine{Files: netboot.TextFS(map[string]string{"f": "0123456789", "empty": ""})}
	f, err := m.Open("f")
	require.NoError(t, err)
	tests := []struct {
		off  int64
		size int
		want string
		err  error
	}{
		{0, 4, "0123", nil},
		{8, 2, "89", io.EOF},
		{8, 4, "89", io.EOF},
		{10, 4, "", io.EOF},
		{1 << 40, 4, "", io.EOF},
	}
	for _, tt := range tests {
		b := make([]byte, tt.size)
		n, err := f.ReadAt(b, tt.off)
		require.Equal(t, tt.want, string(b[:n]))
		require.Equal(t, tt.err, err)
	}
	_, err = f.ReadAt(make([]byte, 1), -1)
	require.Error(t, err)
	empty, err := m.Open("empty")
	require.NoError(t, err)
	_, err = empty.ReadAt(make([]byte, 1), 0)
	require.Equal(t, io.EOF, err)
}

// TestFileReplaced opens a file, renames another into its place, and still
// reads the first: the bytes of one transfer are of one file.
func TestFileReplaced(t *testing.T) {
	dir := t.TempDir()
	kernel := filepath.Join(dir, "kernel8.img")
	require.NoError(t, os.WriteFile(kernel, bytes.Repeat([]byte("old "), 1000), 0o600))
	files, err := netboot.DirFS(dir)
	require.NoError(t, err)
	m := &netboot.Machine{Files: files}
	f, err := m.Open("kernel8.img")
	require.NoError(t, err)
	defer f.Close()
	head := make([]byte, 8)
	_, err = f.ReadAt(head, 0)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(kernel+".new", []byte("new"), 0o600))
	require.NoError(t, os.Rename(kernel+".new", kernel))
	tail := make([]byte, 8)
	_, err = f.ReadAt(tail, f.Size()-8)
	require.Equal(t, io.EOF, err)
	require.Equal(t, "old old ", string(tail))
	text, _ := read(t, m, "kernel8.img")
	require.Equal(t, "new", text)
}

func TestFileBecameShorter(t *testing.T) {
	dir := t.TempDir()
	kernel := filepath.Join(dir, "kernel8.img")
	require.NoError(t, os.WriteFile(kernel, make([]byte, 4096), 0o600))
	files, err := netboot.DirFS(dir)
	require.NoError(t, err)
	f, err := (&netboot.Machine{Files: files}).Open("kernel8.img")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Truncate(kernel, 100))
	n, err := f.ReadAt(make([]byte, 512), 0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, 100, n)
	require.NotContains(t, err.Error(), dir)
}

func TestFileETag(t *testing.T) {
	tag := func(m *netboot.Machine, name string) string {
		f, err := m.Open(name)
		require.NoError(t, err)
		defer f.Close()
		require.Regexp(t, `^"[0-9a-f-]+"$`, f.ETag())
		return f.ETag()
	}
	text := func(s string) *netboot.Machine {
		return &netboot.Machine{Files: netboot.TextFS(map[string]string{"f": s})}
	}
	require.Equal(t, tag(text("one"), "f"), tag(text("one"), "f"))
	require.NotEqual(t, tag(text("one"), "f"), tag(text("two"), "f"))

	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	files, err := netboot.DirFS(dir)
	require.NoError(t, err)
	m := &netboot.Machine{Files: files}
	when := time.Now().Add(-time.Hour)
	require.NoError(t, os.WriteFile(name, []byte("one"), 0o600))
	require.NoError(t, os.Chtimes(name, when, when))
	first := tag(m, "f")
	require.Equal(t, first, tag(m, "f"))
	require.NoError(t, os.WriteFile(name+".new", []byte("two"), 0o600))
	require.NoError(t, os.Chtimes(name+".new", when, when))
	require.NoError(t, os.Rename(name+".new", name))
	require.NotEqual(t, first, tag(m, "f"), "same size and time, another file")
}
