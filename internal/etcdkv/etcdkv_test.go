package etcdkv_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/stretchr/testify/require"
)

// suite runs the conformance suite on a cluster, each case under a prefix of its own.
func suite(t *testing.T, c *etcdtest.Cluster) {
	var cases atomic.Int64
	var prefix string
	kvtest.Test(t, kvtest.Backend{
		New: func(*testing.T) kvtest.Opener {
			prefix = fmt.Sprintf("/case %d/", cases.Add(1))
			o := etcdkv.Options{Endpoints: c.Endpoints(), Prefix: prefix}
			return func() (kvtest.Store, error) { return etcdkv.New(o) }
		},
		Lose: func(t *testing.T, name string) {
			var found struct{ Kvs []struct{ Lease string } }
			from := []byte(prefix + "\x00lock/" + name + "\x00")
			to := append(from[:len(from)-1:len(from)-1], 1)
			c.Call(t, "kv/range", map[string]any{"key": from, "range_end": to}, &found)
			require.Len(t, found.Kvs, 1)
			c.Call(t, "lease/revoke", map[string]any{"ID": found.Kvs[0].Lease}, nil)
		},
	})
}

func TestStore(t *testing.T) { suite(t, etcdtest.Start(t, etcdtest.Options{})) }

func TestCluster(t *testing.T) { suite(t, etcdtest.Start(t, etcdtest.Options{Members: 3})) }
