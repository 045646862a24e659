package demo_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
)

// Fakes that cannot start are an error, and what was started before ends in reverse.
func TestBench(t *testing.T) {
	var ended []int
	b := demo.NewBench(slog.New(slog.DiscardHandler))
	require.NoError(t, b.Start(func(tb testing.TB) {
		tb.Helper()
		tb.Cleanup(func() { ended = append(ended, 1) })
		tb.Cleanup(func() { ended = append(ended, 2) })
		tb.Errorf("told to the log: %d", 1)
	}))
	err := b.Start(func(tb testing.TB) {
		tb.Cleanup(func() { ended = append(ended, 3) })
		tb.Fatalf("no port is free: %v", errors.ErrUnsupported)
	})
	require.EqualError(t, err, "demo: start a fake: no port is free: unsupported operation")
	require.Panics(t, func() { _ = b.Start(func(testing.TB) { panic("a fault of ours") }) })
	require.Empty(t, ended)
	b.Clear()
	require.Equal(t, []int{3, 2, 1}, ended)
	b.Clear()
	require.Len(t, ended, 3)
}
