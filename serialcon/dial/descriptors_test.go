package dial_test

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func TestDescriptorsBeyond1023(t *testing.T) {
	serialcontest.UseDescriptors(t)
	t.Run("TCP", func(t *testing.T) {
		serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
			a := accept(t, "tcp", "127.0.0.1:0")
			return dial.TCP{Address: a.listener.Addr().String()}, a
		})
	})
	t.Run("Unix", func(t *testing.T) {
		serialcontest.TestPort(t, func(t *testing.T) (serialcon.Opener, io.ReadWriteCloser) {
			path := filepath.Join(t.TempDir(), "s")
			return dial.Unix{Path: path}, accept(t, "unix", path)
		})
	})
}
