package conlog_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
)

// cutWrite stands for write(2): it takes n bytes and then fails, if err is set.
type cutWrite struct {
	n   int
	err error
}

func (c *cutWrite) write(f *os.File, p []byte) (int, error) {
	if c.err == nil {
		return f.Write(p)
	}
	n, err := f.Write(p[:min(c.n, len(p))])
	if err == nil {
		err = c.err
	}
	return n, err
}

// A write that fails in its middle leaves a piece of a record. It is cut off,
// and the whole comes later, once.
func TestAWriteThatFailsAnywhereIsWholeLater(t *testing.T) {
	for _, errno := range []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT} {
		for n := range 80 {
			t.Run(fmt.Sprintf("%s after %d", errno, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dir := folder(t)
					l := open(t, dir, conlog.Options{})
					c := new(cutWrite)
					l.OnWrite(c.write)
					write(t, l, 0, "before\n")
					c.n, c.err = n, errno
					write(t, l, 0, "one\r\ntwo\r\nthree")
					require.Equal(t, "before\n", raw(t, dir), "a reader sees no half of a record")
					require.True(t, l.Stats().Failing)
					require.Positive(t, l.Stats().Pending)
					require.ErrorIs(t, l.Sync(), errno, "bytes in memory are not durable")
					c.err = nil
					wait(2 * time.Second)
					require.NoError(t, l.Sync())
					write(t, l, 0, "end\n")
					require.Equal(t, "before\none\r\ntwo\r\nthreeend\n", raw(t, dir))
					require.Empty(t, events(t, dir, serialcon.EventLogResumed), "nothing was lost")
					st := l.Stats()
					require.False(t, st.Failing)
					require.Zero(t, st.Lost+int64(st.Pending))
					require.EqualValues(t, len("before\none\r\ntwo\r\nthreeend\n"), st.Bytes)
					require.NoError(t, l.Close())
				})
			})
		}
	}
}

// An error of the disk is no reason to remove what it holds.
func TestAnErrorOfTheDiskRemovesNothing(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 200})
	for n := range 20 {
		write(t, l, 0, fmt.Sprintf("line %d\n", n))
	}
	require.NoError(t, l.Keep(t.Context()))
	before := strings.Count(names(t, dir), "zst")
	c := &cutWrite{err: syscall.EIO}
	l.OnWrite(c.write)
	write(t, l, 0, "more\n")
	require.Equal(t, before, strings.Count(names(t, dir), "zst"))
	require.True(t, l.Stats().Failing)
}

// Whatever the disk does: what is in the log is what was said, in order, and
// what is not is counted where it is missing.
func TestEveryByteIsThereOrCounted(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 9))
				dir := folder(t)
				l := open(t, dir, conlog.Options{SegmentSize: 3000, Pending: r.IntN(2000) - 1})
				c := new(cutWrite)
				l.OnWrite(c.write)
				var refused, said int64
				var want strings.Builder
				for n := range 400 {
					switch r.IntN(20) {
					case 0:
						c.n, c.err = r.IntN(100), []error{syscall.EIO, syscall.ENOSPC}[r.IntN(2)]
					case 1, 2:
						c.err = nil
					case 3:
						_ = l.Sync()
					case 4:
						_ = l.Event(serialcon.Event{Kind: serialcon.EventNote, Text: "event"})
					}
					text := fmt.Sprintf("<%d>%s", n, strings.Repeat("\n", r.IntN(2)))
					said += int64(len(text))
					if err := l.Write(time.Now(), []byte(text)); err != nil {
						refused += int64(len(text))
					} else {
						want.WriteString(text)
					}
					wait(time.Duration(r.IntN(300)) * time.Millisecond)
				}
				c.err = nil
				wait(2 * time.Second)
				require.NoError(t, l.Sync())
				require.NoError(t, l.Sync())
				require.EqualValues(t, refused, l.Stats().Lost)
				require.Equal(t, said-refused, l.Stats().Bytes)
				if !strings.Contains(marksOf(t, dir), "oldest segment was removed") {
					require.Equal(t, want.String(), raw(t, dir))
					var counted int64
					for _, e := range events(t, dir, serialcon.EventLogResumed) {
						counted += e.N
					}
					require.Equal(t, refused, counted)
				}
				require.True(t, strings.HasSuffix(want.String(), raw(t, dir)), "no byte that was not said, none twice")
				require.NoError(t, l.Close())
			})
		})
	}
}

func marksOf(t *testing.T, dir string) string {
	var out strings.Builder
	for _, e := range events(t, dir, serialcon.EventNote) {
		out.WriteString(e.Text + "\n")
	}
	return out.String()
}

// A folder in which no segment can be made does not stop the log: the open one
// grows beyond its size.
func TestASegmentThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := folder(t)
		l := open(t, dir, conlog.Options{SegmentSize: 100})
		l.OnStep(func(step string) error {
			if step == "create" {
				return syscall.EIO
			}
			return nil
		})
		var want strings.Builder
		for n := range 50 {
			text := fmt.Sprintf("line %d\n", n)
			want.WriteString(text)
			require.NoError(t, l.Write(time.Now(), []byte(text)))
		}
		require.Equal(t, "0000000001.log", names(t, dir), "what was made in vain is gone")
		l.OnStep(func(string) error { return nil })
		wait(2 * time.Second)
		require.NoError(t, l.Write(time.Now(), []byte("next\n")))
		require.Contains(t, names(t, dir), "0000000002.log")
		require.Equal(t, want.String()+"next\n", raw(t, dir))
		require.NoError(t, l.Close())
	})
}

// Files of the next hundred numbers, whosever they are, stay as they are.
func TestNumbersThatAreTaken(t *testing.T) {
	dir := folder(t)
	l := open(t, dir, conlog.Options{SegmentSize: 50})
	for n := 2; n < 5; n++ {
		require.NoError(t, os.Mkdir(filepath.Join(dir, fmt.Sprintf("%010d.log", n)), 0o755))
	}
	write(t, l, 0, strings.Repeat("x", 60)+"\n")
	write(t, l, 0, "next\n")
	require.Contains(t, names(t, dir), "0000000005.log")
	require.Equal(t, strings.Repeat("x", 60)+"\nnext\n", raw(t, dir))
}
