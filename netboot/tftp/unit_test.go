package tftp

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBlocksOnTheWire goes through 200,000 blocks, each acknowledged, with an
// old and a future ACK thrown in.
func TestBlocksOnTheWire(t *testing.T) {
	for _, restart := range []bool{false, true} {
		b := blocks{total: 200_000, window: 4, restart1: restart}
		seen := make(map[uint16]bool)
		for !b.done() {
			first, last := b.next()
			require.Equal(t, b.acked+1, first)
			for n := first; n <= last; n++ {
				seen[b.wire(n)] = true
			}
			require.Equal(t, ackStale, b.ack(b.wire(last+1)))
			if b.acked > 0 {
				require.Equal(t, ackStale, b.ack(b.wire(b.acked)-1))
			}
			require.Equal(t, ackRepeated, b.ack(b.wire(b.acked)))
			require.Equal(t, ackProgress, b.ack(b.wire(last)))
			require.Equal(t, last, b.acked)
		}
		require.Equal(t, !restart, seen[0])
		require.True(t, seen[1] && seen[65535])
	}
}

func TestTimer(t *testing.T) {
	tm := timer{low: 20 * time.Millisecond, high: 200 * time.Millisecond}
	require.Equal(t, initialRTO, tm.rto(), "nothing timed yet")
	tm.sample(400 * time.Microsecond)
	require.Equal(t, tm.low, tm.rto(), "a quick network")
	for range 20 {
		tm.sample(50 * time.Millisecond)
	}
	require.InDelta(t, 50*time.Millisecond, tm.srtt, float64(4*time.Millisecond))
	require.Greater(t, tm.rto(), tm.srtt)
	before := tm.rto()
	tm.backoff()
	require.Equal(t, min(2*before, tm.high), tm.rto())
	for range 40 {
		tm.backoff()
	}
	require.Equal(t, tm.high, tm.rto())
	tm.sample(50 * time.Millisecond)
	require.Less(t, tm.rto(), tm.high, "an answer in time ends the backoff")
}

// TestTimerLearnsSlowClient answers each copy at once, which is to say late.
func TestTimerLearnsSlowClient(t *testing.T) {
	tm := timer{low: 20 * time.Millisecond, high: 200 * time.Millisecond}
	tm.sample(10 * time.Millisecond)
	for range 10 {
		tm.late(60*time.Millisecond, time.Millisecond)
	}
	require.Greater(t, tm.rto(), 60*time.Millisecond)

	lossy := timer{low: 20 * time.Millisecond, high: 200 * time.Millisecond}
	lossy.sample(time.Millisecond)
	for range 10 {
		lossy.late(21*time.Millisecond, time.Millisecond)
	}
	require.Equal(t, 20*time.Millisecond, lossy.rto(), "a lost packet says nothing about the client")
}

func TestFirstRTO(t *testing.T) {
	tm := timer{low: 20 * time.Millisecond, high: 200 * time.Millisecond}
	var sum time.Duration
	n := 0
	for ; sum < 10*time.Second; n++ {
		sum += tm.firstRTO(n)
	}
	require.Equal(t, 100*time.Millisecond, tm.firstRTO(0))
	require.Equal(t, 2*time.Second, tm.firstRTO(n))
	require.Less(t, n, 10)
}

// countingFile counts its reads.
type countingFile struct {
	zeroFile
	reads int
	err   error
}

func (f *countingFile) ReadAt(p []byte, off int64) (int, error) {
	f.reads++
	if f.err != nil {
		return 0, f.err
	}
	return f.zeroFile.ReadAt(p, off)
}

// TestReader sends a file by windows and counts how often it is read.
func TestReader(t *testing.T) {
	for _, c := range []struct {
		window, reads int
	}{{1428, 31}, {16 * 1428, 31}, {64 * 1428, 16}} {
		var pools chunkPools
		f := &countingFile{zeroFile: 1_000_000}
		r := pools.newReader(f, c.window)
		for off := 0; off < 1_000_000; off += c.window {
			n := min(c.window, 1_000_000-off)
			for range 2 { // each window twice: it is kept
				parts, err := r.appendBlock(nil, int64(off), n)
				require.NoError(t, err)
				got := 0
				for _, p := range parts {
					got += len(p)
				}
				require.Equal(t, n, got)
			}
			r.ahead(int64(off + 2*c.window))
		}
		require.Equal(t, c.reads, f.reads, "window of %d bytes", c.window)
		r.close()
	}
}

func TestReaderErrors(t *testing.T) {
	var pools chunkPools
	broken := errors.New("disk on fire")
	r := pools.newReader(&countingFile{zeroFile: 5000, err: broken}, 512)
	_, err := r.appendBlock(nil, 0, 512)
	require.ErrorIs(t, err, broken)
	r.ahead(512)

	r = pools.newReader(&countingFile{zeroFile: 5000, err: io.EOF}, 512)
	_, err = r.appendBlock(nil, 0, 512)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a file that was cut short")
}
