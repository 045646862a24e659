package conlog_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// Each step of closing and compressing a segment is cut off, as by a crash.
func TestACrashAtAnyStepLeavesEachByteOnce(t *testing.T) {
	steps := []string{"create", "fsync folder", "switch", "compress", "fsync compressed", "rename", "fsync rename", "unlink", "fsync unlink"}
	for i, cut := range steps {
		t.Run(cut, func(t *testing.T) {
			dir := folder(t)
			l := open(t, dir, conlog.Options{SegmentSize: 2000})
			var said strings.Builder
			say := func(n int) {
				text := fmt.Sprintf("line %d %s\n", n, strings.Repeat("x", 70))
				write(t, l, time.Duration(n)*time.Millisecond, text)
				said.WriteString(text)
			}
			var seen []string
			for n := range 15 {
				say(n)
			}
			l.OnStep(func(step string) error {
				seen = append(seen, step)
				if step == cut {
					return conlog.ErrCut
				}
				return nil
			})
			for n := range 15 {
				say(100 + n)
			}
			_ = l.Keep(t.Context())
			require.Contains(t, seen, cut)
			require.Equal(t, said.String(), raw(t, dir), "before the restart: %s", names(t, dir))
			require.NoError(t, l.Close())
			require.Equal(t, said.String(), raw(t, dir), "a reader without a writer: %s", names(t, dir))

			l = open(t, dir, conlog.Options{SegmentSize: 2000})
			say(200)
			require.NoError(t, l.Keep(t.Context()))
			require.Equal(t, said.String(), raw(t, dir), "after step %d: %s", i, names(t, dir))
			require.NotContains(t, names(t, dir), "tmp")
			require.NoError(t, l.Keep(t.Context()))
			require.Equal(t, 1, strings.Count(names(t, dir)+" ", ".log "), "only the open one is plain: %s", names(t, dir))
		})
	}
}

func TestTornTailsAreMended(t *testing.T) {
	const head = "2026-11-26T06:46:03.123Z"
	tests := []struct {
		name, tail string
		want       string // of the port
		cut        int64
	}{
		{"a line", head + " Kernel pa", "Kernel pa", 0},
		{"a part", head + "+logi", "logi", 0},
		{"nothing of the line", head + " ", "", 0},
		{"half a stamp", head[:10], "", 10},
		{"an event", head + `!{"kind":"note"`, "", int64(len(head) + 15)},
		{"an empty page", strings.Repeat("\x00", 4096), "", 4096},
		{"a large hole", strings.Repeat("\x00", 3<<20), "", 3 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t)
			require.NoError(t, os.Mkdir(dir, 0o750))
			path := filepath.Join(dir, "0000000007.log")
			require.NoError(t, os.WriteFile(path, []byte(head+" before\n"+tt.tail), 0o640))
			l := open(t, dir, conlog.Options{})
			write(t, l, time.Hour, "after\n")
			require.Equal(t, "before\n"+tt.want+"after\n", raw(t, dir))
			mended := events(t, dir, serialcon.EventMended)
			require.Len(t, mended, 1)
			require.Equal(t, tt.cut, mended[0].N)
			require.NoError(t, l.Close())
			open(t, dir, conlog.Options{})
			require.NoError(t, l.Sync())
			require.Len(t, events(t, dir, serialcon.EventMended), 1, "once")
		})
	}
}

// Whatever is in the folder, a log opens on it, keeps what is whole, and takes
// more.
func FuzzRecovery(f *testing.F) {
	f.Add([]byte("2026-11-26T06:46:03.123Z hello\n2026-11-26T06:46:03.123Z+wor"), []byte("x\n"))
	f.Add([]byte("\x00\x00\x00"), []byte("\n\n"))
	f.Add([]byte("2026-11-26T06:46:03.123Z!{\"kind\":\"note\"}\n2026"), []byte("a"))
	f.Fuzz(func(t *testing.T, file, said []byte) {
		dir := folder(t)
		require.NoError(t, os.Mkdir(dir, 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "0000000001.log"), file, 0o640))
		before := raw(t, dir)
		l := open(t, dir, conlog.Options{SegmentSize: 1 << 20})
		opened := raw(t, dir)
		require.True(t, strings.HasPrefix(opened, before), "what was whole is kept")
		require.NoError(t, l.Write(start, said))
		require.NoError(t, l.Write(start, []byte("!\n")))
		require.Equal(t, opened+string(said)+"!\n", raw(t, dir))
		_ = search(t, dir, conlog.Query{Text: "hello"})
		lines := tail(t, dir, 3)
		require.NotEmpty(t, lines)
	})
}

// A compressed segment of whatever bytes is an error, not a panic, and hides
// nothing else.
func FuzzCompressed(f *testing.F) {
	dir := folder(f)
	l, err := conlog.Open(dir, conlog.Options{SegmentSize: 1})
	require.NoError(f, err)
	require.NoError(f, l.Write(start, []byte("hello\n")))
	require.NoError(f, l.Write(start, []byte("world\n")))
	require.NoError(f, l.Keep(context.Background()))
	require.NoError(f, l.Close())
	good, err := os.ReadFile(filepath.Join(dir, "0000000001.log.zst"))
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add([]byte("hkcl"))
	f.Add(append([]byte("\xff\xff\xff\x7f"), "hkcl"...))
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := folder(t)
		l := open(t, dir, conlog.Options{})
		require.NoError(t, l.Write(start, []byte("whole\n")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "0000000000.log.zst"), file, 0o640))
		found := 0
		err := l.Search(t.Context(), conlog.Query{Text: "whole"}, func(conlog.Line) error { found++; return nil })
		if err != nil {
			require.ErrorIs(t, err, conlog.ErrCorrupt)
		}
		require.GreaterOrEqual(t, found, 1)
		_ = l.Raw(t.Context(), time.Time{}, func(conlog.Chunk) error { return nil })
		_, _ = l.Tail(t.Context(), 10)
	})
}

func TestDamageHidesNothingElse(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 1000})
	for i := range 100 {
		write(t, l, time.Duration(i)*time.Second, fmt.Sprintf("line %d %s\n", i, strings.Repeat("y", 50)))
	}
	require.NoError(t, l.Keep(t.Context()))
	path := filepath.Join(dir, "0000000002.log.zst")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, bytes.Replace(text, text[8:16], []byte("damaged!"), 1), 0o640))
	n := 0
	err = l.Search(t.Context(), conlog.Query{Text: "line"}, func(conlog.Line) error { n++; return nil })
	require.ErrorIs(t, err, conlog.ErrCorrupt)
	require.Greater(t, n, 80)
	require.Less(t, n, 100)
}
