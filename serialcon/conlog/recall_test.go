package conlog_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

func recall(t *testing.T, l *conlog.Log, before int64, n int) string {
	t.Helper()
	p, err := l.Recall(t.Context(), before, n)
	require.NoError(t, err)
	return string(p)
}

func TestRecall(t *testing.T) {
	l := open(t, folder(t), conlog.Options{})
	require.Zero(t, l.Taken())
	require.Empty(t, recall(t, l, 0, 100))
	say(t, l, "one\r\ntw")
	require.EqualValues(t, 7, l.Taken())
	require.NoError(t, l.Event(serialcon.Event{Kind: serialcon.EventNote, Text: "not of the port"}))
	say(t, l, "o\r\n\xff\x00")
	for _, tt := range []struct {
		before int64
		n      int
		want   string
	}{
		{12, 100, "one\r\ntwo\r\n\xff\x00"},
		{12, 12, "one\r\ntwo\r\n\xff\x00"},
		{12, 3, "\n\xff\x00"},
		{12, 0, ""},
		{7, 100, "one\r\ntw"},
		{7, 2, "tw"},
		{0, 5, ""},
		{1000, 2, "\xff\x00"},
	} {
		require.Equal(t, tt.want, recall(t, l, tt.before, tt.n), "%+v", tt)
	}
}

// The oracle is a string. Segments are closed, compressed and reopened in
// between, and events stand among the bytes.
func TestRecallIsTheEndOfWhatWasSaid(t *testing.T) {
	dir := folder(t)
	o := conlog.Options{SegmentSize: 20_000}
	l := open(t, dir, o)
	r := rand.New(rand.NewPCG(7, 8))
	var said strings.Builder
	earlier := 0 // said before this Open
	for n := range 3000 {
		text := fmt.Sprintf("%d%s", n, strings.Repeat("ab\n", r.IntN(12)))[r.IntN(2):]
		said.WriteString(text)
		say(t, l, text)
		switch r.IntN(300) {
		case 0:
			require.NoError(t, l.Keep(t.Context()))
		case 1:
			require.NoError(t, l.Close())
			l, earlier = open(t, dir, o), said.Len()
		case 2, 3, 4:
			require.NoError(t, l.Event(serialcon.Event{Kind: serialcon.EventNote, Text: strings.Repeat("e", r.IntN(500))}))
		}
		if n%20 == 0 {
			require.EqualValues(t, said.Len()-earlier, l.Taken())
			back := r.IntN(min(500, said.Len()-earlier+1))
			want := said.String()[:said.Len()-back]
			ask := r.IntN(30_000)
			require.Equal(t, want[max(0, len(want)-ask):], recall(t, l, l.Taken()-int64(back), ask), "%d before the last %d", ask, back)
		}
	}
}

// A log that is written to, closed and compressed all the time.
func TestRecallMeanwhile(t *testing.T) {
	l := open(t, folder(t), conlog.Options{SegmentSize: 5000})
	said := []byte(strings.Repeat("0123456789", 20))
	for range 50 {
		require.NoError(t, l.Write(time.Now(), said))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	turns := make(chan struct{}, 60) // two segments ahead of the reader, and not more
	wg.Go(func() {
		for range turns {
			if err := l.Write(time.Now(), said); err != nil {
				t.Errorf("Write: %v", err)
			}
		}
	})
	wg.Go(func() {
		for ctx.Err() == nil {
			_ = l.Keep(ctx)
		}
	})
	for range 200 {
		for range 30 {
			select {
			case turns <- struct{}{}:
			default:
			}
		}
		before := l.Taken()
		want := before % 10
		p, err := l.Recall(ctx, before, 1000)
		require.NoError(t, err)
		require.Len(t, p, 1000)
		require.Equal(t, byte('0'+(want+9)%10), p[len(p)-1], "it ends before the byte that was asked for")
		require.Equal(t, strings.Repeat(string(p[:10]), 100), string(p), "none is missing in between")
	}
	close(turns)
	cancel()
	wg.Wait()
}

func TestRecallDoesNotReadALogOfEventsToItsBeginning(t *testing.T) {
	l := open(t, folder(t), conlog.Options{})
	say(t, l, "long ago\n")
	note := serialcon.Event{Kind: serialcon.EventNote, Text: strings.Repeat("e", 8000)}
	for range 700 {
		require.NoError(t, l.Event(note))
	}
	require.Empty(t, recall(t, l, l.Taken(), 10), "what is 5 MB of events ago is not looked for")
}

func TestRecallWhileTheDiskIsFull(t *testing.T) {
	l := open(t, folder(t), conlog.Options{})
	c := new(cutWrite)
	l.OnWrite(c.write)
	say(t, l, "on the disk\n")
	c.err = syscall.ENOSPC
	say(t, l, "in memory\n")
	require.EqualValues(t, len("on the disk\n"), l.Taken())
	require.Equal(t, "on the disk\n", recall(t, l, l.Taken(), 1000))
}

func TestRecallOfALogThatCannotBeRead(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 100})
	for range 10 {
		say(t, l, strings.Repeat("x", 99)+"\n")
	}
	require.NoError(t, l.Keep(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Recall(ctx, l.Taken(), 1000)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "0000000008.log.zst"), []byte("junk that is no segment"), 0o640))
	_, err = l.Recall(t.Context(), l.Taken(), 1000)
	require.ErrorIs(t, err, conlog.ErrCorrupt)
	require.NoError(t, os.RemoveAll(dir))
	_, err = l.Recall(t.Context(), l.Taken(), 1000)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, dir)
}
