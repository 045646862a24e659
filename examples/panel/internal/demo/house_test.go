package demo_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// patience is generous: everything here may share two cores with much else.
const patience = 60 * time.Second

// run runs a house until the test ends.
func run(t *testing.T, o demo.Options) *demo.Demo {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	d, err := demo.New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := d.Run(ctx)
		if err != nil {
			t.Errorf("the house ended: %v", err)
		}
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(patience):
			t.Error("the house does not end")
		}
	})
	return d
}

// await waits until ok holds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 50*time.Millisecond, "waited in vain for %s", what)
}

func shelf(t *testing.T, d *demo.Demo) model.Shelf {
	t.Helper()
	shelves, err := d.Shelves(t.Context())
	require.NoError(t, err)
	require.Len(t, shelves, 1)
	return shelves[0]
}

func pi(t *testing.T, d *demo.Demo, name string) model.Pi {
	t.Helper()
	p, err := d.Pi(t.Context(), name)
	require.NoError(t, err)
	return p
}

// allUp waits until every Pi is up and draws power.
func allUp(t *testing.T, d *demo.Demo) {
	t.Helper()
	await(t, "all Pis to be up", func() bool {
		for _, p := range shelf(t, d).Pis {
			if p.Boot.Class != model.Up || p.Power != model.PowerOn || p.Watts == 0 {
				return false
			}
		}
		return true
	})
}

func TestShelf(t *testing.T) {
	d := run(t, demo.Options{Pis: 4, Speed: 50})
	allUp(t, d)
	s := shelf(t, d)
	require.Len(t, s.Pis, 4)
	require.Empty(t, s.Switch.Problem)
	p := s.Pis[1]
	require.Equal(t, "pi-02", p.Name)
	require.Equal(t, "bob", p.Owner)
	require.Equal(t, "10.80.0.6/30", p.Address.String())
	require.Equal(t, "10.80.0.5", p.FileServer.String())
	require.Equal(t, 101, p.VLAN)
	require.True(t, p.Console)
	require.False(t, p.Boot.Up.IsZero())
	require.Equal(t, p.Boot.Total, p.Boot.Loaded)
	await(t, "the switch's watts", func() bool { return shelf(t, d).Switch.Watts > 8 })
}

func domain(t *testing.T, d *demo.Demo, name string) model.Domain {
	t.Helper()
	dom, err := d.Domain(t.Context(), name)
	require.NoError(t, err)
	return dom
}

func TestDomains(t *testing.T) {
	d := run(t, demo.Options{Pis: 1, Speed: 50})
	await(t, "the signed domain to be secure", func() bool { return domain(t, d, "alice-shop.example").DNSSEC.Secure })
	signed := domain(t, d, "alice-shop.example")
	t.Logf("%+v", signed)
	require.Len(t, signed.DNSSEC.DS, 1)
	await(t, "the certificates", func() bool {
		return domain(t, d, "alice-shop.example").Cert.Names != nil && domain(t, d, "bob-blog.example").Cert.Names != nil
	})
}
