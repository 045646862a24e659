package etcdstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/etcdstore"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/stretchr/testify/require"
)

func TestRealStore(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{})
	var cases atomic.Int64
	kvtest.Test(t, kvtest.Backend{New: func(*testing.T) kvtest.Opener {
		o := etcdstore.Options{Endpoints: c.Endpoints(), Prefix: fmt.Sprintf("/case %d/", cases.Add(1))}
		return func() (kvtest.Store, error) { return etcdstore.New(o) }
	}})
}

func TestNewRefuses(t *testing.T) {
	_, err := etcdstore.New(etcdstore.Options{})
	require.ErrorContains(t, err, "endpoints")
	_, err = etcdstore.New(etcdstore.Options{Endpoints: []string{"http://127.0.0.1:1"}, Prefix: "a\x00"})
	require.ErrorIs(t, err, etcdstore.ErrInvalid)
}
