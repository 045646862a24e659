package etcdtest_test

import (
	"testing"

	"github.com/mythic-beasts/hostkit/internal/etcdtest"
)

func Example() {
	_ = func(t *testing.T) {
		c := etcdtest.Start(t, etcdtest.Options{Members: 3})
		c.Leader(t).Kill(t) // clients of c.Endpoints() go on
	}
}
