package etcdkv_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/stretchr/testify/require"
)

// As many keys as a hosting company has zones. A page of the list is also compacted
// away in the middle.
func TestRealManyKeys(t *testing.T) {
	const keys, each = 100_000, 100
	c := etcdtest.Start(t, etcdtest.Options{})
	s := open(t, etcdkv.Options{Endpoints: c.Endpoints(), Prefix: "/p/"})
	b64 := base64.StdEncoding.EncodeToString
	for i := 0; i < keys; i += each {
		var puts []map[string]any
		for j := range each {
			key := fmt.Sprintf("/p/zone/%06d.example", i+j)
			puts = append(puts, map[string]any{"requestPut": map[string]any{"key": b64([]byte(key)), "value": b64(make([]byte, 300))}})
		}
		c.Call(t, "kv/txn", map[string]any{"success": puts}, nil)
	}

	began, n := time.Now(), 0
	require.NoError(t, s.List(t.Context(), "zone/", func(string, []byte, int64) error {
		if n++; n == keys/2 {
			put(t, s, "another", "v")
			c.Compact(t)
		}
		return nil
	}))
	require.Equal(t, keys, n)
	t.Logf("listed %d keys in %v", n, time.Since(began))

	began = time.Now()
	w := follow(t, s, "zone/")
	t.Logf("watch in sync after %v", time.Since(began))
	require.True(t, w.state(func() bool { return len(w.vals) == keys }))
}
