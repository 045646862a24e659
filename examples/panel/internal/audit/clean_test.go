package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

func TestClean(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"", 10, ""},
		{"plain text, Zoë", 100, "plain text, Zoë"},
		{"two\nlines\t", 100, `two\nlines\t`},
		{"\x1b]0;title\x07", 100, `\x1b]0;title\a`},
		{"\xff\xfe", 100, `\xff\xfe`},
		{`a\nb`, 100, `a\\nb`}, // is another than a line's end
		{"\u202egnp.exe", 100, `\u202egnp.exe`},
		{"\u200bhidden\ufeff", 100, `\u200bhidden\ufeff`},
		{"\U000e0041", 100, `\U000e0041`},
		{"\u00a0", 100, `\u00a0`},
		{"'quoted' \"too\"", 100, "'quoted' \"too\""},
		{"0123456789", 10, "0123456789"},
		{"0123456789a", 10, "0123456789…"},
		{"012345678é", 10, "012345678…"}, // no half of a letter
		{"012345678\x00", 10, "012345678…"},
		{"abc", 0, "…"},
		{"abc", -1, "…"},
	} {
		require.Equal(t, c.want, audit.Clean(c.in, c.most), "%q", c.in)
	}
}

func TestStops(t *testing.T) {
	eachKind(t, func(t *testing.T, o audit.Options) {
		l := open(t, o)
		for range 5 {
			require.NoError(t, l.Note(t.Context(), power("noc", "pi-01", "alice")))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if o.Dir == "" {
			return
		}
		_, err := l.Query(ctx, audit.Filter{Viewer: operator})
		require.ErrorIs(t, err, context.Canceled)
		_, err = l.Verify(ctx, audit.Head{})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// Who spoils a file while the log is open is found by a query too.
func TestSpoiltWhileOpen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, audit.Options{Dir: dir})
	require.NoError(t, l.Note(t.Context(), power("noc", "pi-01", "alice")))
	files, err := filepath.Glob(filepath.Join(dir, "audit-*"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files[0], []byte("rubbish\n"), 0o600))
	_, err = l.Query(t.Context(), audit.Filter{Viewer: operator})
	require.ErrorIs(t, err, audit.ErrDamaged)
	_, err = l.Verify(t.Context(), audit.Head{})
	require.ErrorIs(t, err, audit.ErrDamaged)
	require.NoError(t, os.Remove(files[0]))
	_, err = l.Verify(t.Context(), audit.Head{})
	require.ErrorIs(t, err, audit.ErrDamaged)
}

func TestCannotOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := audit.Open(audit.Options{Dir: filepath.Join(file, "audit")})
	require.ErrorContains(t, err, "audit: open log")
	require.False(t, errors.Is(err, audit.ErrDamaged))
}
