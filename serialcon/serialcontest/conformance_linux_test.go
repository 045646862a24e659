package serialcontest_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestPTYKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		p, err := serialcontest.OpenPTY()
		require.NoError(t, err)
		return p.Opener(), p
	})
}
