package access_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/access"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/access/accesstest"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// watch collects what a viewer is told.
func watch(t *testing.T, g access.Guarded, house *accesstest.House) (told func() []model.Change) {
	t.Helper()
	var mu sync.Mutex
	var all []model.Change
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	before := house.Watched()
	go func() {
		ended <- g.Watch(ctx, func(c model.Change) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, c)
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	require.Eventually(t, func() bool { return house.Watched() > before }, time.Minute, time.Millisecond)
	return func() []model.Change {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func TestWatch(t *testing.T) {
	g, house := guarded(t, alice)
	hers := watch(t, g, house)
	g.Viewer = operator
	all := watch(t, g, house)
	pi := func(name string) model.Change { return model.Change{Kind: model.PiKind, Name: name} }
	tell := func(c model.Change) {
		house.Tell(c)
	}
	tell(pi("pi-01"))
	tell(pi("pi-02"))
	tell(pi("pi-03"))
	tell(model.Change{Kind: model.DomainKind, Name: "alice.example"})
	tell(model.Change{Kind: model.DomainKind, Name: "bob.example"})
	tell(model.Change{Kind: model.SiteKind, Name: "www.alice.example"})
	tell(model.Change{Kind: "another kind", Name: "pi-01"})
	want := []model.Change{pi("pi-01"), {Kind: model.DomainKind, Name: "alice.example"}, {Kind: model.SiteKind, Name: "www.alice.example"}}
	require.Equal(t, want, hers())
	require.Len(t, all(), 7)

	// A Pi that she is given, and one that goes, once.
	house.Give("pi-02", "alice")
	tell(pi("pi-02"))
	house.Drop("pi-01")
	tell(pi("pi-01"))
	tell(pi("pi-01"))
	house.Give("pi-02", "bob")
	tell(pi("pi-02"))
	tell(pi("pi-02"))
	require.Equal(t, append(want, pi("pi-02"), pi("pi-01"), pi("pi-02")), hers())
}

func TestConsole(t *testing.T) {
	g, house := guarded(t, alice)
	ctx := t.Context()
	look, err := g.Console(ctx, "pi-01", model.ConsoleOptions{By: "forged"})
	require.NoError(t, err)
	screen, err := look.Screen(ctx, 0)
	require.NoError(t, err)
	require.Equal(t, "alice login:", screen.Text)
	require.ErrorIs(t, look.Type(ctx, []byte("x")), model.ErrRefused)

	hands, err := g.Console(ctx, "pi-01", model.ConsoleOptions{Keyboard: true})
	require.NoError(t, err)
	require.NoError(t, hands.Type(ctx, []byte("a secret")))
	screen, err = look.Screen(ctx, screen.Number)
	require.NoError(t, err)
	require.Equal(t, "a secret", screen.Text)

	_, err = g.Console(ctx, "pi-01", model.ConsoleOptions{Keyboard: true})
	require.ErrorIs(t, err, model.ErrRefused)
	taken, err := g.Console(ctx, "pi-01", model.ConsoleOptions{Keyboard: true, Take: true})
	require.NoError(t, err)
	require.ErrorIs(t, hands.Type(ctx, []byte("x")), model.ErrRefused)

	var details []string
	for _, e := range history(t, g) {
		require.NotContains(t, e.Detail+e.Why+e.Problem, "secret")
		details = append(details, e.Detail+" "+string(e.Outcome))
	}
	require.Equal(t, []string{"type, and take the keyboard done", "type failed", "type done", "look on done"}, details)

	// The Pi becomes another's while the consoles are open.
	house.Give("pi-01", "bob")
	_, err = look.Screen(ctx, 0)
	require.ErrorIs(t, err, model.ErrUnknown)
	require.ErrorIs(t, taken.Type(ctx, []byte("x")), model.ErrUnknown)
	for _, c := range []model.Console{look, hands, taken} {
		require.NoError(t, c.Close())
	}
}

func TestConsoleReadOnly(t *testing.T) {
	g, _ := guarded(t, alice)
	g.ReadOnly = true
	_, err := g.Console(t.Context(), "pi-01", model.ConsoleOptions{Keyboard: true})
	require.ErrorIs(t, err, access.ErrReadOnly)
	c, err := g.Console(t.Context(), "pi-01", model.ConsoleOptions{})
	require.NoError(t, err)
	require.ErrorIs(t, c.Type(t.Context(), []byte("x")), access.ErrReadOnly)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Screen(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
}
