package conlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// segments makes a log of many, compressed but for the last.
func segments(t *testing.T, lines int) string {
	t.Helper()
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 3000})
	for n := range lines {
		write(t, l, time.Duration(n)*time.Second, fmt.Sprintf("line %04d\n", n))
		if n%50 == 0 {
			require.NoError(t, l.Event(serialcon.Event{Kind: serialcon.EventNote, At: after(time.Duration(n) * time.Second), N: int64(n)}))
		}
	}
	require.NoError(t, l.Keep(t.Context()))
	require.NoError(t, l.Close())
	return dir
}

var errStop = errors.New("that is enough")

// An error of the caller's function comes back, from wherever in the log.
func TestACallersErrorEndsTheReading(t *testing.T) {
	dir := segments(t, 1000)
	for _, after := range []int{1, 2, 100, 999} {
		n := 0
		count := func() error {
			if n++; n == after {
				return errStop
			}
			return nil
		}
		r := conlog.Reader{Dir: dir}
		require.ErrorIs(t, r.Search(t.Context(), conlog.Query{}, func(conlog.Line) error { return count() }), errStop)
		require.Equal(t, after, n)
		n = 0
		require.ErrorIs(t, r.Raw(t.Context(), time.Time{}, func(conlog.Chunk) error { return count() }), errStop)
		require.Equal(t, after, n)
	}
	n := 0
	err := conlog.Reader{Dir: dir}.Events(t.Context(), time.Time{}, time.Time{}, func(serialcon.Event) error { n++; return errStop })
	require.ErrorIs(t, err, errStop)
	require.Equal(t, 1, n)
}

func TestAReadingThatIsCancelled(t *testing.T) {
	dir := segments(t, 1000)
	r := conlog.Reader{Dir: dir}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := r.Search(ctx, conlog.Query{}, func(conlog.Line) error {
		if n++; n == 10 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, n, 500, "it ends soon")
	for name, read := range map[string]func() error{
		"search": func() error { return r.Search(ctx, conlog.Query{}, func(conlog.Line) error { return nil }) },
		"raw":    func() error { return r.Raw(ctx, time.Time{}, func(conlog.Chunk) error { return nil }) },
		"events": func() error {
			return r.Events(ctx, time.Time{}, time.Time{}, func(serialcon.Event) error { return nil })
		},
	} {
		require.ErrorIs(t, read(), context.Canceled, name)
	}
}

func TestReadingWhereThereIsNoLog(t *testing.T) {
	r := conlog.Reader{Dir: filepath.Join(t.TempDir(), "none")}
	require.ErrorIs(t, r.Search(t.Context(), conlog.Query{}, nil), os.ErrNotExist)
	require.ErrorIs(t, r.Raw(t.Context(), time.Time{}, nil), os.ErrNotExist)
	require.ErrorIs(t, r.Events(t.Context(), time.Time{}, time.Time{}, nil), os.ErrNotExist)
	_, err := conlog.Open(filepath.Join(t.TempDir(), "no", "parent"), conlog.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = conlog.Open(file, conlog.Options{})
	require.Error(t, err)
}

func TestLimitsOfASearch(t *testing.T) {
	dir := segments(t, 1000)
	for _, limit := range []int{1, 7, 500, 1000, 2000} {
		require.Len(t, search(t, dir, conlog.Query{Limit: limit}), min(limit, 1000))
		got := search(t, dir, conlog.Query{Text: "5", Limit: limit})
		require.LessOrEqual(t, len(got), limit)
		require.True(t, strings.HasSuffix(got[0], "line 0005"), "the oldest first")
	}
	got := search(t, dir, conlog.Query{Regexp: regexp.MustCompile(`^line 0[37]00$`), Limit: 1})
	require.Len(t, got, 1)
}

func TestEventsOfATime(t *testing.T) {
	dir := segments(t, 1000)
	var got []int64
	err := conlog.Reader{Dir: dir}.Events(t.Context(), after(100*time.Second), after(300*time.Second), func(e serialcon.Event) error {
		if e.Who != "conlog" && e.Kind == serialcon.EventNote {
			got = append(got, e.N)
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []int64{100, 150, 200, 250}, got)
}

// An event of a kind that a later version wrote hides nothing.
func TestAnEventOfALaterVersion(t *testing.T) {
	dir := folder(t)
	require.NoError(t, os.Mkdir(dir, 0o750))
	text := "2026-11-26T06:46:03.123Z!{\"kind\":\"telepathy\"}\n" +
		"2026-11-26T06:46:03.124Z!not json\n" +
		"2026-11-26T06:46:03.125Z?of a kind that is none\n" +
		"2026-11-26T06:46:03.126Z line\n" +
		"2026-11-26T06:46:03.127Z!{\"kind\":\"note\",\"text\":\"seen\"}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0000000001.log"), []byte(text), 0o640))
	require.Equal(t, []string{"06:46:03.126 line"}, search(t, dir, conlog.Query{}))
	notes := events(t, dir, serialcon.EventNote)
	require.Len(t, notes, 1)
	require.Equal(t, "seen", notes[0].Text)
}

// Events of any size do not become records that a reader cannot hold.
func TestEventsAreClipped(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	require.NoError(t, l.Event(serialcon.Event{Kind: serialcon.EventNote, Who: strings.Repeat("w", 10_000), Text: strings.Repeat("t", 1<<20)}))
	got := events(t, dir, serialcon.EventNote)
	require.Len(t, got, 1)
	require.Less(t, len(got[0].Text), 9000)
	require.Less(t, len(got[0].Who), 300)
	require.True(t, strings.HasSuffix(got[0].Text, "…"))
	require.False(t, got[0].At.IsZero())
}

// Programs that know nothing of conlog read its closed segments.
func TestZstdReadsAClosedSegment(t *testing.T) {
	zstd := peer.Look(t, "zstd")
	dir := segments(t, 1000)
	var all strings.Builder
	for i := range strings.Count(names(t, dir), ".zst") {
		out, err := exec.Command(zstd, "-dc", filepath.Join(dir, fmt.Sprintf("%010d.log.zst", i+1))).Output()
		require.NoError(t, err)
		all.Write(out)
	}
	require.Contains(t, all.String(), "2026-11-26T06:46:03.123Z line 0000\n")
	require.Greater(t, strings.Count(all.String(), "Z line "), 900)
}
