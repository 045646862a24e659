package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func open(t *testing.T, o audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func begin(t *testing.T, l *audit.Log, e audit.Entry) *audit.Action {
	t.Helper()
	a, err := l.Begin(t.Context(), e)
	require.NoError(t, err)
	return a
}

func query(t *testing.T, l *audit.Log, f audit.Filter) []audit.Entry {
	t.Helper()
	entries, err := l.Query(t.Context(), f)
	require.NoError(t, err)
	return entries
}

var operator = audit.Viewer{Operator: true}

// power is an entry about a thing.
func power(who, thing, owner string) audit.Entry {
	return audit.Entry{
		Actor:  audit.Actor{Name: who, By: audit.Session, ID: "s1", From: netip.MustParseAddr("192.0.2.7")},
		Action: "pi.power", Kind: "pi", Thing: thing, Owner: owner, Detail: "off", Why: "smoke",
	}
}

// eachKind runs a test with a log in memory and one in files.
func eachKind(t *testing.T, test func(t *testing.T, o audit.Options)) {
	t.Run("memory", func(t *testing.T) { test(t, audit.Options{}) })
	t.Run("files", func(t *testing.T) { test(t, audit.Options{Dir: filepath.Join(t.TempDir(), "audit"), Size: 2000}) })
}

func TestOutcomes(t *testing.T) {
	eachKind(t, func(t *testing.T, o audit.Options) {
		l := open(t, o)
		begin(t, l, power("noc", "pi-01", "alice"))
		require.NoError(t, begin(t, l, power("noc", "pi-02", "bob")).End(nil))
		broken := errors.New("the switch does not answer")
		require.Equal(t, broken, begin(t, l, power("noc", "pi-03", "")).End(broken))
		require.NoError(t, l.Deny(t.Context(), power("bob", "pi-01", ""), errors.New("no such thing")))
		require.NoError(t, l.Note(t.Context(), power("bob", "pi-09", "")))

		entries := query(t, l, audit.Filter{Viewer: operator})
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprint(e.Number, " ", e.Name, " ", e.Thing, " ", e.Outcome, " ", e.Problem, " ", e.Ended.IsZero()))
			require.Equal(t, "smoke", e.Why)
			require.WithinDuration(t, time.Now(), e.At, time.Hour)
		}
		require.Equal(t, []string{
			"7 bob pi-09 done  true",
			"6 bob pi-01 denied no such thing true",
			"4 noc pi-03 failed the switch does not answer false",
			"2 noc pi-02 done  false",
			"1 noc pi-01 allowed  true",
		}, got)
	})
}

func TestQueryFilters(t *testing.T) {
	eachKind(t, func(t *testing.T, o audit.Options) {
		synctest.Test(t, func(t *testing.T) {
			l := open(t, o)
			start := time.Now()
			for i := range 60 {
				e := power([]string{"alice", "bob", "noc"}[i%3], fmt.Sprintf("pi-%02d", i%10), "")
				if i%2 == 1 {
					e.Kind, e.Action = "site", "site.probe"
				}
				require.NoError(t, begin(t, l, e).End(nil))
				<-time.After(time.Minute)
			}
			count := func(f audit.Filter) int {
				f.Viewer = operator
				entries := query(t, l, f)
				for i := 1; i < len(entries); i++ {
					require.Greater(t, entries[i-1].Number, entries[i].Number, "the latest first")
				}
				return len(entries)
			}
			require.Equal(t, 60, count(audit.Filter{}))
			require.Equal(t, 7, count(audit.Filter{Limit: 7}))
			require.Equal(t, 20, count(audit.Filter{Who: "bob"}))
			require.Equal(t, 6, count(audit.Filter{Thing: "pi-04"}))
			require.Equal(t, 30, count(audit.Filter{Kind: "site"}))
			require.Equal(t, 10, count(audit.Filter{Action: "site.probe", Who: "noc"}))
			require.Equal(t, 10, count(audit.Filter{Since: start.Add(50 * time.Minute)}))
			require.Equal(t, 50, count(audit.Filter{Until: start.Add(50 * time.Minute)}))
			require.Equal(t, 5, count(audit.Filter{Since: start.Add(10 * time.Minute), Until: start.Add(15 * time.Minute)}))
			require.Equal(t, 0, count(audit.Filter{Who: "nobody"}))

			// Pages follow each other without a gap.
			var pages []audit.Entry
			for before := uint64(0); ; before = pages[len(pages)-1].Number {
				page := query(t, l, audit.Filter{Viewer: operator, Before: before, Limit: 7})
				if pages = append(pages, page...); len(page) == 0 {
					break
				}
			}
			require.Equal(t, query(t, l, audit.Filter{Viewer: operator}), pages)
		})
	})
}

func TestCustomersSeeTheirs(t *testing.T) {
	l := open(t, audit.Options{})
	require.NoError(t, begin(t, l, power("noc", "pi-01", "alice")).End(nil))
	require.NoError(t, begin(t, l, power("alice", "pi-01", "alice")).End(nil))
	require.NoError(t, begin(t, l, power("noc", "pi-02", "bob")).End(nil))
	require.NoError(t, l.Deny(t.Context(), power("alice", "pi-02", ""), errors.New("no such thing")))
	require.NoError(t, l.Deny(t.Context(), power("", "alice", "alice"), errors.New("wrong password")))

	entries := query(t, l, audit.Filter{Viewer: audit.Viewer{Name: "alice"}})
	require.Len(t, entries, 4)
	require.Equal(t, "192.0.2.7", entries[0].From.String(), "a login that failed")
	entries = entries[1:]
	require.Equal(t, audit.Denied, entries[0].Outcome)
	require.Equal(t, "192.0.2.7", entries[1].From.String())
	require.Equal(t, audit.Actor{Name: "noc", By: audit.Session}, entries[2].Actor, "where the operator was is no customer's business")
	require.Empty(t, query(t, l, audit.Filter{}), "nobody sees nothing")
	require.Empty(t, query(t, l, audit.Filter{Viewer: audit.Viewer{Name: "alice"}, Who: "bob"}))
	require.Len(t, query(t, l, audit.Filter{Viewer: operator}), 5)
}

func TestStrangersBytes(t *testing.T) {
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir})
	e := power("noc", "pi\x1b[2J\n{\"n\":9}", "alice")
	e.Why = "\xff\u202ebad\u0000 \\x41 \u2028" + strings.Repeat("long", 1000)
	e.From = netip.MustParseAddr("fe80::1%eth0\n")
	require.Error(t, begin(t, l, e).End(errors.New("\x07bell")))
	got := query(t, l, audit.Filter{Viewer: operator, Thing: e.Thing})
	require.Len(t, got, 1)
	require.Equal(t, `pi\x1b[2J\n{"n":9}`, got[0].Thing)
	require.True(t, strings.HasPrefix(got[0].Why, `\xff\u202ebad\x00 \\x41 \u2028long`), got[0].Why)
	require.Less(t, len(got[0].Why), 1100)
	require.Equal(t, `\abell`, got[0].Problem)
	data := read(t, dir)
	require.NotContains(t, data, "\x1b")
	require.Equal(t, 2, strings.Count(data, "\n"))
}

// read is everything in the files of lines.
func read(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "audit-*"))
	require.NoError(t, err)
	var all strings.Builder
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		all.Write(data)
	}
	return all.String()
}

func TestSurvivesRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	for run := range 5 {
		l := open(t, audit.Options{Dir: dir, Size: 1500})
		for range 10 {
			require.NoError(t, begin(t, l, power("noc", "pi-01", "alice")).End(nil))
		}
		report, err := l.Verify(t.Context(), audit.Head{})
		require.NoError(t, err)
		require.EqualValues(t, 20*(run+1), report.Number)
		require.EqualValues(t, 1, report.First)
		require.Equal(t, l.Head(), report.Head)
		require.Len(t, query(t, l, audit.Filter{Viewer: operator}), 10*(run+1))
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
	}
	names, err := filepath.Glob(filepath.Join(dir, "audit-*"))
	require.NoError(t, err)
	require.Greater(t, len(names), 10, "files are of a bounded size")
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, name)
		if strings.HasPrefix(d.Name(), "audit-") {
			require.LessOrEqual(t, info.Size(), int64(1500))
		}
		return nil
	}))
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	open(t, audit.Options{Dir: dir})
	_, err := audit.Open(audit.Options{Dir: dir})
	require.ErrorContains(t, err, "another process")
}

// What cannot be written down is not allowed, now or later.
func TestCannotWrite(t *testing.T) {
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir})
	a := begin(t, l, power("noc", "pi-01", "alice"))
	require.NoError(t, os.Remove(filepath.Join(dir, "head.json")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "head.json"), 0o700))
	broken := errors.New("the switch does not answer")
	err := a.End(broken)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "audit: write down")
	require.NoError(t, os.Remove(filepath.Join(dir, "head.json")))
	_, err = l.Begin(t.Context(), power("noc", "pi-01", "alice"))
	require.Error(t, err)
	require.Error(t, l.Deny(t.Context(), power("noc", "pi-01", "alice"), broken))
}

func TestGone(t *testing.T) {
	l := open(t, audit.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	a, err := l.Begin(ctx, power("noc", "pi-01", "alice"))
	require.NoError(t, err)
	cancel()
	require.NoError(t, a.End(nil), "what was done is written down although nobody waits")
	_, err = l.Begin(ctx, power("noc", "pi-01", "alice"))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, l.Close())
	_, err = l.Begin(t.Context(), power("noc", "pi-01", "alice"))
	require.ErrorContains(t, err, "closed")
}

func TestAtOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, o audit.Options) {
		l := open(t, o)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					a, err := l.Begin(t.Context(), power("noc", "pi-01", "alice"))
					if err != nil || a.End(nil) != nil {
						t.Error("cannot be written down:", err)
					}
					if _, err := l.Query(t.Context(), audit.Filter{Viewer: operator}); err != nil {
						t.Error(err)
					}
					if _, err := l.Verify(t.Context(), audit.Head{}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		entries := query(t, l, audit.Filter{Viewer: operator})
		require.Len(t, entries, 40)
		for _, e := range entries {
			require.Equal(t, audit.Done, e.Outcome)
		}
	})
}

// A demonstration that runs for weeks does not eat the memory.
func TestMemoryIsBounded(t *testing.T) {
	l := open(t, audit.Options{})
	for range 21_000 {
		require.NoError(t, l.Note(t.Context(), audit.Entry{Action: "x"}))
	}
	entries, err := l.Query(t.Context(), audit.Filter{Viewer: operator, Limit: 1 << 20})
	require.NoError(t, err)
	require.Len(t, entries, 1000)
	require.EqualValues(t, 21_000, entries[0].Number)
	report, err := l.Verify(t.Context(), audit.Head{})
	require.NoError(t, err)
	require.Greater(t, report.First, uint64(1))
}
