package conlog_test

import (
	"bytes"
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

var start = time.Date(2026, 11, 26, 6, 46, 3, 123e6, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

// open opens a log in a folder; the test's cleanup closes it.
func open(t testing.TB, dir string, o conlog.Options) *conlog.Log {
	t.Helper()
	l, err := conlog.Open(dir, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// folder is a new log's.
func folder(t testing.TB) string { return filepath.Join(t.TempDir(), "pi-042") }

// raw is what the port said.
func raw(t testing.TB, dir string) string {
	t.Helper()
	var out bytes.Buffer
	err := conlog.Reader{Dir: dir}.Raw(t.Context(), time.Time{}, func(c conlog.Chunk) error {
		out.Write(c.Data)
		return nil
	})
	require.NoError(t, err)
	return out.String()
}

// search returns the lines as "time text".
func search(t testing.TB, dir string, q conlog.Query) []string {
	t.Helper()
	var out []string
	err := conlog.Reader{Dir: dir}.Search(t.Context(), q, func(l conlog.Line) error {
		out = append(out, show(l))
		return nil
	})
	require.NoError(t, err)
	return out
}

func show(l conlog.Line) string {
	mark := ""
	if l.Open {
		mark = "…"
	}
	return fmt.Sprintf("%s %s%s", l.At.Format("15:04:05.000"), l.Text, mark)
}

func tail(t testing.TB, dir string, n int) []string {
	t.Helper()
	lines, err := conlog.Reader{Dir: dir}.Tail(t.Context(), n)
	require.NoError(t, err)
	out := make([]string, 0, len(lines))
	for _, l := range lines {
		out = append(out, show(l))
	}
	return out
}

// events returns those of a kind.
func events(t testing.TB, dir string, kind serialcon.EventKind) (out []serialcon.Event) {
	t.Helper()
	err := conlog.Reader{Dir: dir}.Events(t.Context(), time.Time{}, time.Time{}, func(e serialcon.Event) error {
		if e.Kind == kind {
			out = append(out, e)
		}
		return nil
	})
	require.NoError(t, err)
	return out
}

// names lists the folder.
func names(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func write(t testing.TB, l *conlog.Log, at time.Duration, text string) {
	t.Helper()
	require.NoError(t, l.Write(after(at), []byte(text)))
}
