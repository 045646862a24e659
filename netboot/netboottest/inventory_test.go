package netboottest_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
	"github.com/stretchr/testify/require"
)

func TestInventory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nobody netboottest.Inventory
		_, err := nobody.Lookup(t.Context(), netboot.Client{})
		require.ErrorIs(t, err, netboot.ErrUnknown)

		broken := errors.New("broken")
		inv := netboottest.OneMachine(netboot.Machine{Name: "pi"})
		inv.Latency, inv.FailFirst, inv.Err = time.Second, 1, broken
		began := time.Now()
		_, err = inv.Lookup(t.Context(), netboot.Client{Interface: "p1"})
		require.ErrorIs(t, err, broken)
		m, err := inv.Lookup(t.Context(), netboot.Client{Interface: "p2"})
		require.NoError(t, err)
		require.Equal(t, "pi", m.Name)
		require.Equal(t, 2*time.Second, time.Since(began))
		require.Equal(t, []netboot.Client{{Interface: "p1"}, {Interface: "p2"}}, inv.Asked())

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = inv.Lookup(ctx, netboot.Client{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestBootTreeIsTheSameEachTime(t *testing.T) {
	for _, model := range []rpi.Model{rpi.Model3B, rpi.Model3BPlus, rpi.Model4, rpi.Model5} {
		a, b := netboottest.BootTree(model, 5000), netboottest.BootTree(model, 5000)
		kernels := 0
		require.NoError(t, fs.WalkDir(a, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			one, err := fs.ReadFile(a, name)
			require.NoError(t, err)
			two, err := fs.ReadFile(b, name)
			require.NoError(t, err)
			require.Equal(t, one, two, name)
			if rpi.Classify(name) == rpi.FileKernel {
				kernels++
				require.Len(t, one, 5000)
			}
			return nil
		}))
		require.Equal(t, 1, kernels, model)
	}
}
