package netboottest_test

import (
	"net"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/stretchr/testify/require"
)

func TestPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := netboottest.Pipe()
		frame := []byte("frame")
		require.NoError(t, a.Send(frame))
		frame[0] = 'F' // the caller's again
		got, err := b.Recv()
		require.NoError(t, err)
		require.Equal(t, "frame", string(got))

		began := time.Now()
		require.NoError(t, b.SetReadDeadline(began.Add(time.Minute)))
		_, err = b.Recv()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(began))

		require.NoError(t, b.SetReadDeadline(time.Time{}))
		waiting := make(chan error)
		go func() {
			_, err := b.Recv()
			waiting <- err
		}()
		synctest.Wait()
		require.NoError(t, b.SetReadDeadline(time.Unix(1, 0)))
		require.ErrorIs(t, <-waiting, os.ErrDeadlineExceeded, "it waited already")

		require.NoError(t, b.Close())
		require.NoError(t, b.Close())
		_, err = b.Recv()
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, b.Send(frame), net.ErrClosed)
		require.NoError(t, a.Send(frame), "the cable's other end knows nothing of it")
	})
}

// received sends numbered frames through a lossy link, one by one, and
// returns which arrive at the other end, and when the last one did.
func received(t *testing.T, loss netboottest.Loss, out bool, frames int, during func(int, *netboottest.LossyLink)) ([]int, time.Duration) {
	var got []int
	var last time.Duration
	synctest.Test(t, func(t *testing.T) {
		a, b := netboottest.Pipe()
		lossy := netboottest.NewLossyLink(a, loss)
		defer lossy.Close()
		from, to := netboottest.Link(lossy), b
		if !out {
			from, to = b, lossy
		}
		began := time.Now()
		for i := range frames {
			during(i, lossy)
			require.NoError(t, from.Send([]byte{byte(i)}))
			require.NoError(t, to.SetReadDeadline(time.Now().Add(time.Millisecond/2)))
			for {
				frame, err := to.Recv()
				if err != nil {
					break
				}
				got = append(got, int(frame[0]))
				last = time.Since(began)
			}
		}
		require.NoError(t, to.SetReadDeadline(time.Now().Add(time.Minute)))
		for {
			frame, err := to.Recv()
			if err != nil {
				break
			}
			got = append(got, int(frame[0]))
			last = time.Since(began)
		}
	})
	return got, last
}

func TestLossyLink(t *testing.T) {
	nothing := func(int, *netboottest.LossyLink) {}
	for _, out := range []bool{true, false} {
		got, _ := received(t, netboottest.Loss{}, out, 4, nothing)
		require.Equal(t, []int{0, 1, 2, 3}, got, "without faults")

		got, _ = received(t, netboottest.Loss{Send: 0.5, Recv: 0.5, Seed: 1}, out, 200, nothing)
		require.InDelta(t, 100, len(got), 30)
		again, _ := received(t, netboottest.Loss{Send: 0.5, Recv: 0.5, Seed: 1}, out, 200, nothing)
		require.Equal(t, got, again, "the same seed")

		got, _ = received(t, netboottest.Loss{Duplicate: 1}, out, 3, nothing)
		require.Equal(t, []int{0, 0, 1, 1, 2, 2}, got)

		got, last := received(t, netboottest.Loss{Delay: 30 * time.Second}, out, 1, nothing)
		require.Equal(t, []int{0}, got)
		require.Equal(t, 30*time.Second, last)

		got, _ = received(t, netboottest.Loss{Reorder: 0.5, Seed: 2}, out, 100, nothing)
		require.Len(t, got, 100)
		require.False(t, slices.IsSorted(got), "some came late")

		got, _ = received(t, netboottest.Loss{}, out, 5, func(i int, l *netboottest.LossyLink) {
			l.SetUp(i != 2 && i != 3)
			require.Equal(t, max(0, min(i-2, 2)), l.Dropped())
		})
		require.Equal(t, []int{0, 1, 4}, got, "the cable was out")
	}
	got, _ := received(t, netboottest.Loss{Send: 1}, false, 3, nothing)
	require.Len(t, got, 3, "the other direction")
}
