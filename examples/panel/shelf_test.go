package main

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
)

// testLog is shown when the test fails.
func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// await waits until ok holds, which it asks at each change of the board.
func await(t *testing.T, b *board, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		_, changed := b.since(0)
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			for _, s := range b.tracker.All() {
				t.Logf("%s: %s, %d bytes, boot %d, %s", s.Machine, s.Stage, s.Bytes, s.Boots, s.Diagnosis)
			}
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// The whole shelf boots through the real servers, and a power cycle boots one
// of them again.
func TestShelf(t *testing.T) {
	s, err := newShelf(shelfConfig{pis: 4, speed: 100, log: testLog(t)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()

	await(t, s.board, "all Pis to be up", func() bool {
		n, _ := s.board.since(0)
		return n.Summary == "4 of 4 up"
	})
	for _, status := range s.board.tracker.All() {
		require.Equal(t, netboot.StageUp, status.Stage)
		require.Equal(t, 1, status.Boots, status.Machine)
		require.Greater(t, status.Bytes, int64(kernelSize), status.Machine)
		require.Empty(t, status.Diagnosis)
	}
	first, _ := s.board.tracker.Status("pi-01")
	require.Positive(t, first.Nudges, "the ROM needs wake-up frames")

	require.False(t, s.cycle("pi-99"))
	require.True(t, s.cycle("pi-01"))
	await(t, s.board, "the power to be off", func() bool { return rowOf(t, s.board, "pi-01").Class == "off" })
	await(t, s.board, "the Pi to be up again", func() bool { return rowOf(t, s.board, "pi-01").Class == "up" })
	again, _ := s.board.tracker.Status("pi-01")
	require.Equal(t, 2, again.Boots)
	other, _ := s.board.tracker.Status("pi-02")
	require.Equal(t, 1, other.Boots, "the others keep their power")

	cancel()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}

// A Pi that loses its power in the middle of a file boots as if nothing had
// been.
func TestPowerCutWhileLoading(t *testing.T) {
	s, err := newShelf(shelfConfig{pis: 2, speed: 2, log: testLog(t)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	await(t, s.board, "half a kernel", func() bool { return rowOf(t, s.board, "pi-02").Bytes > kernelSize/2 })
	require.True(t, s.cycle("pi-02"))
	await(t, s.board, "the power to be off", func() bool { return rowOf(t, s.board, "pi-02").Class == "off" })
	await(t, s.board, "the Pi to be up", func() bool { return rowOf(t, s.board, "pi-02").Class == "up" })
	status, _ := s.board.tracker.Status("pi-02")
	require.Equal(t, 2, status.Boots)
	cancel()
	require.NoError(t, <-ended)
}
