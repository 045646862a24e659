package serialcontest_test

import (
	"io"
	"testing"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestUARTKeepsThePromises(t *testing.T) {
	serialcontest.TestPort(t, func(*testing.T) (serialcon.Opener, io.ReadWriteCloser) {
		u := new(serialcontest.UART)
		return u, u.Far()
	})
}
