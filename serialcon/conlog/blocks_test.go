package conlog_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// said is a log of many blocks and segments, written in bursts that end
// anywhere, and its lines by the rules: as show prints them.
func said(t *testing.T, l *conlog.Log, bytes int) (lines []string) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	at, first := time.Now(), time.Time{}
	var line strings.Builder
	for written, n := 0, 0; written < bytes; n++ {
		burst := fmt.Sprintf("burst %d%s", n, strings.Repeat("-=", r.IntN(200)))
		if r.IntN(3) == 0 {
			burst += "\r\nnext" + strings.Repeat(".", r.IntN(20))
		}
		require.NoError(t, l.Write(at, []byte(burst)))
		for i, part := range strings.Split(burst, "\n") {
			if i > 0 {
				lines = append(lines, first.UTC().Format("15:04:05.000 ")+strings.TrimSuffix(line.String(), "\r"))
				line.Reset()
			}
			if line.Len() == 0 {
				first = at
			}
			line.WriteString(part)
		}
		written += len(burst)
		at = at.Add(time.Second)
	}
	return append(lines, first.UTC().Format("15:04:05.000 ")+line.String()+"…")
}

// Lines that go over the borders of bursts, blocks and segments are found, by
// whatever query, before and after compression.
func TestLinesOverBordersOfBlocksAndSegments(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 700_000})
	begin := time.Now()
	lines := said(t, l, 2_000_000)
	check := func(t *testing.T) {
		require.Equal(t, lines, search(t, dir, conlog.Query{}))
		for n := range 40 {
			// Near to it, so that the needle is often cut by a burst's end.
			needle := fmt.Sprintf("burst %d", n*137)
			var want []string
			for _, line := range lines {
				if strings.Contains(line, needle) {
					want = append(want, line)
				}
			}
			require.Equal(t, want, search(t, dir, conlog.Query{Text: needle}), needle)
			cut := fmt.Sprintf("=burst %d", n*137+1)
			want = nil
			for _, line := range lines {
				if strings.Contains(line, cut) {
					want = append(want, line)
				}
			}
			require.Equal(t, want, search(t, dir, conlog.Query{Text: cut}), cut)
		}
		for _, n := range []int{1, 10, 1000, len(lines) - 1, len(lines), len(lines) + 1} {
			require.Equal(t, lines[max(0, len(lines)-n):], tail(t, dir, n), "the last %d", n)
		}
		for _, part := range []float64{0.1, 0.33, 0.5, 0.77, 0.95} {
			i := int(part * float64(len(lines)-100))
			since, err := time.Parse("15:04:05.000", lines[i][:12])
			require.NoError(t, err)
			from := time.Date(begin.UTC().Year(), begin.UTC().Month(), begin.UTC().Day(), since.Hour(), since.Minute(), since.Second(), since.Nanosecond(), time.UTC)
			for from.Before(begin.Add(-time.Minute)) {
				from = from.Add(24 * time.Hour)
			}
			got := search(t, dir, conlog.Query{Since: from, Until: from.Add(100 * time.Second)})
			require.NotEmpty(t, got)
			require.Equal(t, lines[i:i+len(got)], got, "from line %d", i)
		}
	}
	t.Run("plain", check)
	require.NoError(t, l.Keep(t.Context()))
	require.Contains(t, names(t, dir), "0000000003.log.zst")
	t.Run("compressed", check)
}

// A line that goes on in a block is found although nothing of the query is in
// that block itself.
func TestANeedleCutByABlocksBorder(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	at := time.Now()
	const perLine = 5*27 + 34 // bytes on disk
	for n := range 4 * 262144 / perLine {
		for _, part := range []string{"n", "e", "e", "d", "l", fmt.Sprintf("e %06d\n", n)} {
			require.NoError(t, l.Write(at, []byte(part)))
		}
	}
	for border := range 3 {
		near := (border + 1) * 262144 / perLine
		for n := near - 6; n < near+3; n++ {
			require.Len(t, search(t, dir, conlog.Query{Text: fmt.Sprintf("needle %06d", n)}), 1, "needle %d", n)
		}
	}
}
