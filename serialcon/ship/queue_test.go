package ship_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/ship"
)

func TestWhatWasSentLastIsSentAgain(t *testing.T) {
	q := ship.NewQueue(10)
	q.Put("a", "b", "c", "d")
	require.Equal(t, []string{"a", "b", "c", "d"}, q.Unsent(t.Context()))
	q.Sent(2, at)
	require.Equal(t, []string{"c", "d"}, q.Unsent(t.Context()))
	q.Sent(1, at.Add(6*time.Second))
	q.Rewind(at.Add(9 * time.Second))
	require.Equal(t, []string{"a", "b", "c", "d"}, q.Unsent(t.Context()), "all is younger than ten seconds")
	q.Sent(2, at.Add(10*time.Second))
	q.Sent(1, at.Add(25*time.Second))
	require.Equal(t, 2, q.Len(), "a and b were sent long ago")
	q.Rewind(at.Add(30 * time.Second))
	require.Equal(t, []string{"c", "d"}, q.Unsent(t.Context()))
	q.Sent(2, at.Add(30*time.Second))
	q.Rewind(at.Add(time.Hour))
	require.Zero(t, q.Len())
}

// What was sent and is kept in case takes no place from what was not.
func TestWhatWasSentMakesRoom(t *testing.T) {
	q := ship.NewQueue(3)
	q.Put("a", "b", "c")
	q.Sent(2, at)
	q.Put("d", "e", "f")
	require.Equal(t, []string{"c", "d", "e"}, q.Unsent(t.Context()))
	q.Rewind(at)
	require.Equal(t, []string{"c", "d", "e"}, q.Unsent(t.Context()))
	q.Sent(3, at)
	require.Equal(t, []string{"1 messages were lost, because the receiver did not keep up"}, q.Unsent(t.Context()))
}

// Nothing is handed out for a connection that is known to have ended.
func TestNothingForAConnectionThatEnded(t *testing.T) {
	q := ship.NewQueue(3)
	q.Put("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Empty(t, q.Unsent(ctx))
	require.Equal(t, []string{"a"}, q.Unsent(t.Context()))
}
