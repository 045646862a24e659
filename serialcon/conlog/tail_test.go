package conlog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// plainLines are the lines of what was said, with the time of each one's first
// byte: the rules again, without files.
type plainLines struct {
	lines []string
	open  string
	at    time.Time
}

func (p *plainLines) say(at time.Time, text string) {
	for part := range strings.Lines(text) {
		if p.open == "" && p.at.IsZero() {
			p.at = at
		}
		body, ended := strings.CutSuffix(part, "\n")
		p.open += body
		if ended {
			p.lines = append(p.lines, p.at.UTC().Format("15:04:05.000 ")+strings.TrimSuffix(p.open, "\r"))
			p.open, p.at = "", time.Time{}
		}
	}
}

func (p *plainLines) last(n int) []string {
	all := p.lines[:len(p.lines):len(p.lines)]
	if !p.at.IsZero() {
		all = append(all, p.at.UTC().Format("15:04:05.000 ")+strings.TrimSuffix(p.open, "\r")+"…")
	}
	out := make([]string, 0, n)
	return append(out, all[max(0, len(all)-n):]...)
}

// Each length of each small log, in bursts that end anywhere: empty lines,
// carriage returns, events and closed segments among them.
func TestTailOfEveryLength(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			dir := folder(t)
			l := open(t, dir, conlog.Options{SegmentSize: int64(60 + r.IntN(400))})
			var want plainLines
			at := start
			for range r.IntN(40) {
				text := []string{"a", "\n", "\r\n", "\n\n\n", "two\nlines", "ends\r\n", "\r", strings.Repeat("x", 70)}[r.IntN(8)]
				require.NoError(t, l.Write(at, []byte(text)))
				want.say(at, text)
				if r.IntN(6) == 0 {
					require.NoError(t, l.Event(serialcon.Event{Kind: serialcon.EventNote, At: at, Text: "no line"}))
				}
				if r.IntN(9) == 0 {
					require.NoError(t, l.Keep(t.Context()))
				}
				at = at.Add(time.Duration(r.IntN(200)) * time.Millisecond)
			}
			for n := range len(want.lines) + 3 {
				require.Equal(t, want.last(n), tail(t, dir, n), "the last %d", n)
			}
			require.Equal(t, want.last(1000), tail(t, dir, 1000))
			require.Empty(t, tail(t, dir, -1))
		})
	}
}

// The unfinished line began many blocks before the end.
func TestTailOfALineThatIsLongerThanBlocks(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 1 << 30})
	write(t, l, 0, "first\nsecond\n")
	part := strings.Repeat("y", 50_000)
	for range 16 { // 800 KB, three lines by their bound
		write(t, l, time.Second, part)
	}
	whole := tail(t, dir, 10)
	require.Equal(t, []string{"06:46:03.123 first", "06:46:03.123 second"}, whole[:2])
	var got strings.Builder
	for _, line := range whole[2:] {
		require.True(t, strings.HasSuffix(line, "…"), "each piece is open")
		got.WriteString(strings.TrimSuffix(line[len("06:46:04.123 "):], "…"))
	}
	require.Equal(t, strings.Repeat(part, 16), got.String())
	write(t, l, 2*time.Second, "\nlast\n")
	require.Equal(t, []string{"06:46:05.123 last"}, tail(t, dir, 1))
}

func TestTailReadsNoMoreThanItNeeds(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 2000})
	for n := range 200 {
		write(t, l, time.Duration(n)*time.Second, fmt.Sprintf("line %d\n", n))
	}
	require.NoError(t, l.Keep(t.Context()))
	damage(t, dir, "0000000001.log.zst")
	require.Len(t, tail(t, dir, 10), 10, "damage far away is not met")
	_, err := conlog.Reader{Dir: dir}.Tail(t.Context(), 1000)
	require.ErrorIs(t, err, conlog.ErrCorrupt)
	require.ErrorContains(t, err, "0000000001.log.zst")
}

// damage spoils the first frame of a segment.
func damage(t *testing.T, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	copy(text[6:], "damaged!")
	require.NoError(t, os.WriteFile(path, text, 0o640))
}

func TestTailOfNothing(t *testing.T) {
	_, err := conlog.Reader{Dir: filepath.Join(t.TempDir(), "none")}.Tail(t.Context(), 10)
	require.ErrorIs(t, err, os.ErrNotExist)
	dir := folder(t)
	l := open(t, dir, conlog.Options{})
	require.Empty(t, tail(t, dir, 10))
	lines, err := l.Tail(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, lines)
	require.NoError(t, l.Event(serialcon.Event{Kind: serialcon.EventNote, Text: "no line"}))
	require.Empty(t, tail(t, dir, 10))
	write(t, l, 0, "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.Tail(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
}
