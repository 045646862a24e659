package etcdtest_test

import (
	"net/http"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/stretchr/testify/require"
)

func TestOneMember(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{})
	require.Len(t, c.Endpoints(), 1)
	c.Call(t, "kv/put", map[string]any{"key": "YQ==", "value": "Yg=="}, nil)
	c.Compact(t)
	var got struct{ Kvs []struct{ Value string } }
	m := c.Leader(t)
	m.Kill(t)
	_, err := http.Get(m.URL + "/health")
	require.Error(t, err)
	m.Restart(t)
	m.Wait(t)
	c.Call(t, "kv/range", map[string]any{"key": "YQ=="}, &got)
	require.Len(t, got.Kvs, 1)
	require.Equal(t, "Yg==", got.Kvs[0].Value)
}

func TestThreeMembers(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
	require.Len(t, c.Endpoints(), 3)
	first := c.Leader(t)
	first.Pause(t)
	require.NotEqual(t, first.URL, c.Leader(t).URL)
	first.Resume(t)
	first.Wait(t)
	c.Leader(t).Kill(t)
	c.Leader(t)
}
