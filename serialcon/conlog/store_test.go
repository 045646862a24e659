package conlog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

func TestNamesAreChecked(t *testing.T) {
	s := &conlog.Store{Dir: t.TempDir()}
	for _, name := range []string{"", ".", "..", "../etc", "a/b", ".hidden", "a b", "é", strings.Repeat("x", 65)} {
		_, err := s.Open(name)
		require.ErrorIs(t, err, serialcon.ErrName, "%q", name)
		_, err = s.Reader(name)
		require.ErrorIs(t, err, serialcon.ErrName, "%q", name)
	}
}

func TestModesAndLinks(t *testing.T) {
	top := filepath.Join(t.TempDir(), "consoles")
	s := &conlog.Store{Dir: top}
	l, err := s.Open("pi-042")
	require.NoError(t, err)
	mode := func(path string) string {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		return info.Mode().String()
	}
	require.Equal(t, "drwxr-x---", mode(top))
	require.Equal(t, "drwxr-x---", mode(l.Dir()))
	require.Equal(t, "-rw-r-----", mode(filepath.Join(l.Dir(), "0000000001.log")))
	require.NoError(t, l.Close())

	secret := filepath.Join(t.TempDir(), "shadow")
	require.NoError(t, os.WriteFile(secret, []byte("2026-11-26T06:46:03.123Z secret"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(l.Dir(), "0000000001.log")))
	require.NoError(t, os.Symlink(secret, filepath.Join(l.Dir(), "0000000001.log")))
	l, err = s.Open("pi-042")
	require.NoError(t, err)
	write(t, l, 0, "mine\n")
	require.Equal(t, "mine\n", raw(t, l.Dir()), "a link is no segment")
	text, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "2026-11-26T06:46:03.123Z secret", string(text))
	require.NoError(t, l.Close())

	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(top, "linked")))
	_, err = s.Open("linked")
	require.Error(t, err, "nor is one a folder")
}

func TestQuotaAndAge(t *testing.T) {
	t.Run("quota", func(t *testing.T) {
		dir := folder(t)
		l := open(t, dir, conlog.Options{SegmentSize: 10_000, Quota: 2000})
		for i := range 1000 {
			write(t, l, time.Duration(i)*time.Second, fmt.Sprintf("line %d\n", i))
		}
		require.NoError(t, l.Keep(t.Context()))
		lines := search(t, dir, conlog.Query{})
		require.Less(t, len(lines), 900)
		require.True(t, strings.HasSuffix(lines[len(lines)-1], " line 999"))
		for i, line := range lines {
			require.True(t, strings.HasSuffix(line, fmt.Sprintf(" line %d", 1000-len(lines)+i)), "the oldest go, whole")
		}
	})
	t.Run("age", func(t *testing.T) {
		dir := folder(t)
		l := open(t, dir, conlog.Options{SegmentSize: 10_000, MaxAge: time.Hour})
		for i := range 500 {
			write(t, l, 0, fmt.Sprintf("line %d\n", i))
		}
		require.NoError(t, l.Keep(t.Context()))
		require.Len(t, search(t, dir, conlog.Query{}), 500)
		old := time.Now().Add(-2 * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(dir, "0000000001.log.zst"), old, old))
		require.NoError(t, l.Keep(t.Context()))
		require.NotContains(t, names(t, dir), "0000000001")
		require.NotEmpty(t, search(t, dir, conlog.Query{}))
	})
	t.Run("quota of all", func(t *testing.T) {
		s := &conlog.Store{Dir: t.TempDir(), Quota: 30_000, Options: conlog.Options{SegmentSize: 5000}}
		for _, name := range []string{"quiet", "loud"} {
			l, err := s.Open(name)
			require.NoError(t, err)
			defer l.Close()
			n := 10
			if name == "loud" {
				n = 2000
			}
			for i := range n {
				write(t, l, time.Duration(i)*time.Second, fmt.Sprintf("line %d\n", i))
			}
		}
		require.NoError(t, s.Keep(t.Context()))
		require.Equal(t, "0000000001.log", names(t, filepath.Join(s.Dir, "quiet")))
		var total int64
		require.NoError(t, filepath.Walk(s.Dir, func(_ string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				total += info.Size()
			}
			return err
		}))
		require.LessOrEqual(t, total, int64(30_000))
		require.Greater(t, total, int64(20_000))
	})
}

// In a bubble a second takes no time, and files are real.
func TestAStoreSyncsEverySecondAndClosesByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &conlog.Store{Dir: t.TempDir(), Options: conlog.Options{SegmentAge: time.Hour}}
		l, err := s.Open("pi-042")
		require.NoError(t, err)
		other, err := s.Open("pi-043")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		wait(1500 * time.Millisecond)
		before := l.Stats().Syncs
		require.NoError(t, l.Write(time.Now(), []byte("hello\n")))
		require.Equal(t, before, l.Stats().Syncs)
		wait(time.Second)
		require.Equal(t, before+1, l.Stats().Syncs, "within a second")
		require.NoError(t, l.Write(time.Now(), []byte("panic\n")))
		require.NoError(t, l.Sync())
		require.Equal(t, before+2, l.Stats().Syncs, "or at once")
		wait(10 * time.Second)
		require.Equal(t, before+2, l.Stats().Syncs, "an idle log costs nothing")
		wait(time.Hour)
		require.NoError(t, l.Write(time.Now(), []byte("next\n")))
		wait(10 * time.Second)
		cancel()
		require.NoError(t, <-done)
		require.Contains(t, names(t, l.Dir()), "0000000001.log.zst")
		require.Equal(t, "hello\npanic\nnext\n", raw(t, l.Dir()))
		require.NoError(t, l.Close())
		require.NoError(t, other.Close())
	})
}

// The wall clock is set back an hour and on again while the monotonic one runs.
func TestClockSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		l := open(t, dir, conlog.Options{SegmentSize: 300})
		begin := time.Now().Round(0)
		wall := time.Duration(0) // the wall clock's error
		say := func(text string) {
			require.NoError(t, l.Write(time.Now().Round(0).Add(wall), []byte(text)))
			wait(10 * time.Second)
		}
		say("one\n")
		say("two\n")
		wall = -time.Hour
		say("three\n")
		say("four\n")
		wall = 0
		say("five\n")
		require.NoError(t, l.Keep(t.Context()))

		notes := events(t, dir, serialcon.EventNote)
		require.Len(t, notes, 2)
		require.EqualValues(t, -3600_000, notes[0].N)
		require.Equal(t, "the clock was set back by 1h0m0s", notes[0].Text)
		require.EqualValues(t, 3600_000, notes[1].N)

		found := func(since, until time.Duration) (out []string) {
			err := l.Search(t.Context(), conlog.Query{Since: begin.Add(since), Until: begin.Add(until)}, func(line conlog.Line) error {
				out = append(out, string(line.Text))
				return nil
			})
			require.NoError(t, err)
			return out
		}
		require.Equal(t, []string{"one", "two", "five"}, found(0, time.Hour))
		require.Equal(t, []string{"three", "four"}, found(-2*time.Hour, 0))
		var mono []time.Duration
		var data string
		require.NoError(t, l.Raw(t.Context(), time.Time{}, func(c conlog.Chunk) error {
			mono, data = append(mono, c.Mono), data+string(c.Data)
			return nil
		}))
		require.Equal(t, "one\ntwo\nthree\nfour\nfive\n", data)
		for i, m := range mono {
			require.InDelta(t, float64(time.Duration(i)*10*time.Second), float64(m), float64(time.Millisecond), "replay has the true pauses")
		}
		require.NoError(t, l.Close())
	})
}

// wait lets a bubble's time pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
