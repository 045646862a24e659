package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// change is what somebody does to the files of a log.
type change func(t *testing.T, dir string, files []string)

func edit(file int, fn func(data []byte) []byte) change {
	return func(t *testing.T, _ string, files []string) {
		name := files[(file+len(files))%len(files)]
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, fn(data), 0o600))
	}
}

func lines(fn func(l [][]byte) [][]byte) func([]byte) []byte {
	return func(data []byte) []byte {
		return bytes.Join(fn(bytes.SplitAfter(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))), nil)
	}
}

func TestDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		change change
		// opens is whether it is found by Verify alone: Open reads the last file.
		opens bool
	}{
		{"an edit in an old file", edit(0, func(d []byte) []byte { return bytes.Replace(d, []byte("smoke"), []byte("smile"), 1) }), true},
		{"a line of an old file removed", edit(1, lines(func(l [][]byte) [][]byte { return l[1:] })), true},
		{"lines of an old file exchanged", edit(1, lines(func(l [][]byte) [][]byte { l[0], l[1] = l[1], l[0]; return l })), true},
		{"an old file removed", func(t *testing.T, _ string, files []string) { require.NoError(t, os.Remove(files[1])) }, true},
		{"rubbish in an old file", edit(0, func([]byte) []byte { return []byte("rubbish\n") }), true},
		{"an edit in the last file", edit(-1, func(d []byte) []byte { return bytes.Replace(d, []byte("smoke"), []byte("smile"), 1) }), false},
		{"the last line edited", edit(-1, func(d []byte) []byte { return bytes.Replace(d, []byte(`"done"`), []byte(`"gone"`), 1) }), false},
		{"the last line cut", edit(-1, lines(func(l [][]byte) [][]byte { return l[:len(l)-1] })), false},
		{"half of the last line cut", edit(-1, func(d []byte) []byte { return d[:len(d)-20] }), false},
		{"the last line doubled", edit(-1, lines(func(l [][]byte) [][]byte { return append(l, []byte("\n"), l[len(l)-1], []byte("\n")) })), false},
		{"the last file empty", edit(-1, func([]byte) []byte { return nil }), false},
		{"the last file removed", func(t *testing.T, _ string, files []string) { require.NoError(t, os.Remove(files[len(files)-1])) }, false},
		{"everything removed but the head", func(t *testing.T, _ string, files []string) {
			for _, name := range files {
				require.NoError(t, os.Remove(name))
			}
		}, false},
		{"the head removed", func(t *testing.T, dir string, _ []string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "head.json")))
		}, false},
		{"the head spoilt", func(t *testing.T, dir string, _ []string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "head.json"), []byte("{"), 0o600))
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filled(t)
			files, err := filepath.Glob(filepath.Join(dir, "audit-*"))
			require.NoError(t, err)
			require.Greater(t, len(files), 3)
			c.change(t, dir, files)
			l, err := audit.Open(audit.Options{Dir: dir, Size: 1500})
			if c.opens {
				require.NoError(t, err)
				defer l.Close()
				_, err = l.Verify(t.Context(), audit.Head{})
			}
			require.ErrorIs(t, err, audit.ErrDamaged)
		})
	}
}

// filled is the folder of a log with some files.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir, Size: 1500})
	for range 10 {
		require.NoError(t, begin(t, l, power("noc", "pi-01", "alice")).End(nil))
	}
	require.NoError(t, l.Close())
	return dir
}

// Who writes all files anew makes a chain that is whole; a head that was kept elsewhere
// tells.
func TestKeptHead(t *testing.T) {
	first := open(t, audit.Options{Dir: filled(t)})
	kept := first.Head()
	_, err := first.Verify(t.Context(), kept)
	require.NoError(t, err)

	second := open(t, audit.Options{Dir: filled(t)})
	_, err = second.Verify(t.Context(), kept)
	require.ErrorIs(t, err, audit.ErrDamaged)
	require.ErrorContains(t, err, "entry 20 is another than it was")
	_, err = open(t, audit.Options{}).Verify(t.Context(), kept)
	require.ErrorContains(t, err, "ends with entry 0, and had 20")
}

// Old files may be put away; the report says so.
func TestPutAway(t *testing.T) {
	dir := filled(t)
	files, err := filepath.Glob(filepath.Join(dir, "audit-*"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(files[0]))
	l := open(t, audit.Options{Dir: dir, Size: 1500})
	report, err := l.Verify(t.Context(), audit.Head{})
	require.NoError(t, err)
	require.Greater(t, report.First, uint64(1))
}

// A crash leaves half a line, a line that the head has not yet, or a file without a line:
// nobody was told that these were written.
func TestCrash(t *testing.T) {
	for name, crash := range map[string]change{
		"half a line": edit(-1, func(d []byte) []byte { return append(d, `{"prev":"ab`...) }),
		"an empty file": func(t *testing.T, dir string, _ []string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "audit-00000000000000000021.jsonl"), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			files, err := filepath.Glob(filepath.Join(dir, "audit-*"))
			require.NoError(t, err)
			crash(t, dir, files)
			requireGoesOn(t, dir, 20)
		})
	}
	t.Run("before the head", func(t *testing.T) {
		dir := filled(t)
		head := filepath.Join(dir, "head.json")
		old, err := os.ReadFile(head)
		require.NoError(t, err)
		l := open(t, audit.Options{Dir: dir, Size: 1500})
		begin(t, l, power("noc", "pi-01", "alice"))
		require.NoError(t, l.Close())
		require.NoError(t, os.WriteFile(head, old, 0o600))
		requireGoesOn(t, dir, 21)
	})
	t.Run("before the first head", func(t *testing.T) {
		dir := t.TempDir()
		l := open(t, audit.Options{Dir: dir})
		begin(t, l, power("noc", "pi-01", "alice"))
		require.NoError(t, l.Close())
		require.NoError(t, os.Remove(filepath.Join(dir, "head.json")))
		requireGoesOn(t, dir, 1)
	})
}

func requireGoesOn(t *testing.T, dir string, number uint64) {
	t.Helper()
	l := open(t, audit.Options{Dir: dir, Size: 1500})
	require.Equal(t, number, l.Head().Number)
	require.NoError(t, begin(t, l, power("noc", "pi-01", "alice")).End(nil))
	_, err := l.Verify(t.Context(), audit.Head{})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, open(t, audit.Options{Dir: dir, Size: 1500}).Close())
}

func FuzzClean(f *testing.F) {
	f.Add("pi-01", 10)
	f.Add("\x1b[2J\u202e\xff\\", 5)
	f.Add(strings.Repeat("é", 50), 7)
	f.Fuzz(func(t *testing.T, s string, most int) {
		got := audit.Clean(s, most)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), max(most, 0)+len("…"))
		for _, r := range got {
			require.True(t, unicode.IsPrint(r), "%q", got)
		}
	})
}

// Whatever a file of the log has, opening it neither panics nor takes it for whole unless
// it is.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(""), []byte(""))
	f.Add([]byte(`{"prev":"","n":1,"at":"2026-01-01T00:00:00Z","action":"x","outcome":"done"}`+"\n"), []byte(`{"n":0}`))
	f.Add([]byte(`{"prev":"","n":1}`+"\n{"), []byte(`{"n":1,"hash":"00"}`))
	f.Fuzz(func(t *testing.T, data, head []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "audit-00000000000000000001.jsonl"), data, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "head.json"), head, 0o600))
		l, err := audit.Open(audit.Options{Dir: dir})
		if err != nil {
			return
		}
		defer l.Close()
		_, err = l.Verify(t.Context(), audit.Head{})
		require.NoError(t, err)
		_, err = l.Query(t.Context(), audit.Filter{Viewer: operator})
		require.NoError(t, err)
		require.NoError(t, l.Note(t.Context(), audit.Entry{Action: "x"}))
		_, err = l.Verify(t.Context(), audit.Head{})
		require.NoError(t, err)
	})
}
