package tty_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func TestPortKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		p, err := serialcontest.OpenPTY()
		require.NoError(t, err)
		return tty.Config{Device: p.Path}, p
	})
}
