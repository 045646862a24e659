package kv_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/kv"
	"github.com/stretchr/testify/require"
)

func TestCheckKey(t *testing.T) {
	for _, key := range []string{"a", "/", "../..", "a//b", " ", "\xff", strings.Repeat("x", kv.MaxKey)} {
		require.NoError(t, kv.CheckKey(key), "%q", key)
	}
	for _, key := range []string{"", "a\x00b", strings.Repeat("x", kv.MaxKey+1)} {
		require.ErrorIs(t, kv.CheckKey(key), kv.ErrInvalid, "%q", key)
	}
}

func TestCheckValue(t *testing.T) {
	require.NoError(t, kv.CheckValue(nil))
	require.NoError(t, kv.CheckValue(make([]byte, kv.MaxValue)))
	require.ErrorIs(t, kv.CheckValue(make([]byte, kv.MaxValue+1)), kv.ErrInvalid)
}

func TestErrLockLost(t *testing.T) {
	require.ErrorIs(t, kv.ErrLockLost, fs.ErrExist)
	require.NotErrorIs(t, kv.ErrLockLost, fs.ErrNotExist)
	require.NotErrorIs(t, fs.ErrExist, kv.ErrLockLost)
}

func TestWrap(t *testing.T) {
	require.NoError(t, kv.Wrap(t.Context(), "p", "get", "k", nil))
	err := kv.Wrap(t.Context(), "p", "get", "k\n", fs.ErrNotExist)
	require.EqualError(t, err, `p: get "k\n": file does not exist`)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = kv.Wrap(ctx, "p", "get", "k", errors.New("went away"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "went away")
}

// Contexts made from one another share no memory: a lock of one is not the other's.
func TestFences(t *testing.T) {
	var a, b int
	require.Empty(t, kv.Fences(t.Context(), &a))
	one := kv.WithFence(t.Context(), &a, "one")
	two := kv.WithFence(one, &a, "two")
	three := kv.WithFence(two, &a, "three")
	four := kv.WithFence(two, &a, "four")
	other := kv.WithFence(four, &b, "other")
	require.Equal(t, []any{"one"}, kv.Fences(one, &a))
	require.Equal(t, []any{"one", "two", "three"}, kv.Fences(three, &a))
	require.Equal(t, []any{"one", "two", "four"}, kv.Fences(other, &a))
	require.Equal(t, []any{"other"}, kv.Fences(other, &b))
}
