package etcdstore_test

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/sniproxy/etcdstore"
	"github.com/stretchr/testify/require"
)

func TestRealStore(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{})
	s, err := etcdstore.New(etcdstore.Options{Endpoints: c.Endpoints(), Prefix: "/p/", Timeout: 2 * time.Second})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Ping(t.Context()))
	rev, err := s.Put(t.Context(), "sites/a", []byte("1"), 0)
	require.NoError(t, err)
	_, err = s.Put(t.Context(), "sites/a", []byte("2"), rev+1)
	require.ErrorIs(t, err, fs.ErrExist)
	val, at, err := s.Get(t.Context(), "sites/a")
	require.NoError(t, err)
	require.Equal(t, "1", string(val))
	require.Equal(t, rev, at)
	require.NoError(t, s.List(t.Context(), "sites/", func(key string, val []byte, _ int64) error {
		require.Equal(t, "sites/a 1", key+" "+string(val))
		return nil
	}))

	ctx, cancel := context.WithCancel(t.Context())
	said := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Watch(ctx, "sites/", func(key string, val []byte, _ int64) {
			said <- fmt.Sprintf("%s %s %v", key, val, val == nil)
		})
	}()
	require.Equal(t, "sites/a 1 false", <-said)
	require.Equal(t, "  true", <-said)
	_, err = s.Put(t.Context(), "sites/a", nil, -1)
	require.NoError(t, err)
	require.Equal(t, "sites/a  true", <-said)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)

	c.Members[0].Pause(t)
	require.Error(t, s.Ping(t.Context()), "a server that stands still")
	c.Members[0].Resume(t)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Ping(t.Context()), fs.ErrClosed)
}

func TestNewRefuses(t *testing.T) {
	_, err := etcdstore.New(etcdstore.Options{})
	require.ErrorContains(t, err, "endpoints")
	_, err = etcdstore.New(etcdstore.Options{Endpoints: []string{"http://127.0.0.1:1"}, Prefix: "a\x00"})
	require.ErrorIs(t, err, etcdstore.ErrInvalid)
}
