package limit_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
)

func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.Buckets{Burst: 3, Every: time.Minute}
		for range 3 {
			require.Zero(t, b.Take("a"))
		}
		require.Equal(t, time.Minute, b.Take("a"))
		require.Zero(t, b.Take("b"), "another's bucket is another")

		wait(45 * time.Second)
		require.Equal(t, 15*time.Second, b.Take("a"), "a refused one takes nothing")
		wait(15 * time.Second)
		require.Zero(t, b.Take("a"))
		require.NotZero(t, b.Take("a"))

		wait(time.Hour)
		require.True(t, b.Full("a"))
		for range 3 {
			require.Zero(t, b.Take("a"), "it holds no more than the burst")
		}
		require.NotZero(t, b.Take("a"))
		require.False(t, b.Full("a"))
	})
}

// wait lets a bubble's time pass.
func wait(d time.Duration) { <-time.After(d) }

func TestGive(t *testing.T) {
	b := limit.Buckets{Burst: 2, Every: time.Hour}
	b.Give("a")
	require.True(t, b.Full("a"))
	require.Zero(t, b.Take("a"))
	require.Zero(t, b.Take("a"))
	b.Give("a")
	require.Zero(t, b.Take("a"))
	require.NotZero(t, b.Take("a"))
}

func TestZeroValue(t *testing.T) {
	var b limit.Buckets
	require.Zero(t, b.Take("a"))
	require.LessOrEqual(t, b.Take("a"), time.Second)
}

// Strangers with many addresses do not eat the memory, and those who asked last are
// remembered.
func TestForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.Buckets{Burst: 1, Every: time.Hour, Most: 100}
		for i := range 1000 {
			require.Zero(t, b.Take(strconv.Itoa(i)))
			wait(time.Second)
		}
		require.NotZero(t, b.Take("999"))
		require.NotZero(t, b.Take("970"))
		require.Zero(t, b.Take("1"), "the oldest is forgotten")
	})
	synctest.Test(t, func(t *testing.T) {
		b := limit.Buckets{Burst: 1, Every: time.Hour, Most: 10}
		for i := range 11 { // at the same moment
			require.Zero(t, b.Take(strconv.Itoa(i)))
		}
		require.NotZero(t, b.Take("10"))
	})
}

func TestTakeAtOnce(t *testing.T) {
	b := limit.Buckets{Burst: 10, Every: time.Hour}
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if b.Take("a") == 0 {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 10, taken.Load())
}
