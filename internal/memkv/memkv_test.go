package memkv_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/mythic-beasts/hostkit/internal/memkv"
)

func TestStore(t *testing.T) {
	var s *memkv.Store
	kvtest.Test(t, kvtest.Backend{
		New: func(*testing.T) kvtest.Opener {
			s = new(memkv.Store)
			return func() (kvtest.Store, error) { return s, nil }
		},
		Shared: true,
		Lose:   func(_ *testing.T, name string) { s.Lose(name) },
	})
}
