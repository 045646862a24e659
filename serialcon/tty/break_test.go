package tty_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// wire is a line that can be in the BREAK state.
type wire struct {
	on    bool
	since time.Time
	held  time.Duration
	fail  map[bool]error
}

func (w *wire) set(on bool) error {
	if err := w.fail[on]; err != nil {
		return err
	}
	if on {
		w.since = time.Now()
	} else {
		w.held = time.Since(w.since)
	}
	w.on = on
	return nil
}

func TestABreakEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		require.NoError(t, tty.HoldBreak(t.Context(), nil, 300*time.Millisecond, w.set))
		require.False(t, w.on)
		require.Equal(t, 300*time.Millisecond, w.held)
	})
}

func TestABreakThatIsCancelledEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, tty.HoldBreak(ctx, nil, time.Hour, w.set), context.DeadlineExceeded)
		require.False(t, w.on)
		require.Equal(t, 50*time.Millisecond, w.held)

		w = wire{}
		require.Error(t, tty.HoldBreak(ctx, nil, time.Hour, w.set))
		require.Zero(t, w.since, "no BREAK begins after the end of its context")
	})
}

func TestABreakThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		w := wire{fail: map[bool]error{true: broken}}
		require.ErrorIs(t, tty.HoldBreak(t.Context(), nil, time.Hour, w.set), broken)
		w = wire{fail: map[bool]error{false: broken}}
		err := tty.HoldBreak(t.Context(), nil, time.Second, w.set)
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "may still be silent")
	})
}

func TestABreakEndsWithItsPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wire
		gone := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(gone) })
		require.ErrorIs(t, tty.HoldBreak(t.Context(), gone, time.Hour, w.set), os.ErrClosed)
	})
}
