package demo_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// told is what a watcher was told.
type told struct {
	mu     sync.Mutex // guards all below
	things map[model.Change]int
	words  map[string]bool // of Pis that were busy or had a problem
}

// listen watches a house until the test ends.
func listen(t *testing.T, d *demo.Demo) *told {
	t.Helper()
	all := &told{things: make(map[model.Change]int), words: make(map[string]bool)}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		err := d.Watch(ctx, func(c model.Change) {
			var words []string
			if c.Kind == model.PiKind {
				if p, err := d.Pi(ctx, c.Name); err == nil {
					words = append(words, p.Busy, p.Problem)
				}
			}
			all.mu.Lock()
			defer all.mu.Unlock()
			all.things[c]++
			for _, w := range words {
				all.words[w] = true
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Watch returns %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		watching.Wait()
	})
	return all
}

func (a *told) said(text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.words {
		if strings.Contains(w, text) {
			return true
		}
	}
	return false
}

// Whatever breaks, in the order of this seed, all is well in the end.
func TestChaosHeals(t *testing.T) {
	d := run(t, demo.Options{
		Pis: 3, Speed: 50, Patience: 10 * time.Second, Chaos: true, Seed: 7, ChaosEvery: 50 * time.Second, Breakages: 14,
		Heal: demo.HealPolicy{Max: 1000, First: 100 * time.Millisecond, Longest: time.Second},
	})
	heard := listen(t, d)
	well := func() bool {
		if !d.Wrecked() {
			return false
		}
		for _, p := range shelf(t, d).Pis {
			if p.Boot.Class != model.Up || p.Busy != "" || p.Problem != "" {
				return false
			}
		}
		for _, name := range []string{"alice-shop.example", "bob-blog.example"} {
			if c := domain(t, d, name).Cert; c.Problem != "" || c.Busy || c.Names == nil {
				return false
			}
			for _, b := range site(t, d, "www."+name).Backends {
				if b.State != "up" {
					return false
				}
			}
		}
		return domain(t, d, "alice-shop.example").DNSSEC.Secure
	}
	long := 2 * patience
	require.Eventually(t, well, long, 100*time.Millisecond, "the house does not heal")
	require.True(t, heard.said("power-cycled because"), "healing is told")
	require.Empty(t, shelf(t, d).Switch.Problem)
}

// A Pi that cannot be mended is left alone, with words.
func TestChaosIsLeftToAPerson(t *testing.T) {
	d := run(t, demo.Options{
		Pis: 1, Speed: 50, Patience: 3 * time.Second, Chaos: true, Seed: 3, ChaosEvery: 25 * time.Second,
		Heal: demo.HealPolicy{Max: 1, First: 100 * time.Millisecond},
	})
	heard := listen(t, d)
	await(t, "the Pi to be left alone", func() bool { return heard.said("left alone until") })
	// A person may always do more.
	require.Eventually(t, func() bool {
		return d.Power(t.Context(), "pi-01", model.Cycle, "tests", "noc") == nil
	}, patience, 100*time.Millisecond)
}

// A whole shelf boots, or what of it the race detector can watch in time.
func TestFullShelf(t *testing.T) {
	d := run(t, demo.Options{Pis: full, Speed: 200, Patience: time.Minute})
	require.Eventually(t, func() bool {
		up := 0
		for _, p := range shelf(t, d).Pis {
			if p.Boot.Class == model.Up {
				up++
			}
		}
		return up == full
	}, 4*patience, 200*time.Millisecond, "%d Pis do not come up", full)
}

// Run ends promptly, and leaves no goroutine and no file.
func TestNothingIsLeft(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	before := runtime.NumGoroutine()
	d, err := demo.New(demo.Options{Pis: 3, Speed: 50, Patience: 20 * time.Second, Chaos: true, ChaosEvery: 10 * time.Minute,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	require.NoError(t, err)
	require.LessOrEqual(t, runtime.NumGoroutine(), before, "New starts nothing")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	allUp(t, d)
	c, err := d.Console(ctx, "pi-01", model.ConsoleOptions{Keyboard: true, By: "alice"})
	require.NoError(t, err)
	files, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Len(t, files, 1)
	cancel()
	require.NoError(t, <-ended)
	_, err = c.Screen(t.Context(), 1<<40)
	require.NoError(t, err, "the last screen can be seen")
	require.NoError(t, c.Close())
	files, err = os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, files)
	stacks := make([]byte, 1<<20)
	require.Eventually(t, func() bool {
		stacks = stacks[:cap(stacks)]
		stacks = stacks[:runtime.Stack(stacks, true)]
		return runtime.NumGoroutine() <= before+1 // Eventually's own
	}, patience, 50*time.Millisecond)

	_, err = d.Pi(t.Context(), "pi-01")
	require.ErrorContains(t, err, "has ended")
	require.ErrorContains(t, d.Run(t.Context()), "runs once")
}

// A house that runs in a folder of its owner's leaves it there.
func TestDir(t *testing.T) {
	dir := t.TempDir()
	t.Run("a life", func(t *testing.T) {
		d := run(t, demo.Options{Pis: 1, Speed: 50, Dir: dir})
		await(t, "a certificate", func() bool { return domain(t, d, "bob-blog.example").Cert.Names != nil })
	})
	require.DirExists(t, dir+"/certificates/bob-blog.example")
	require.DirExists(t, dir+"/consoles/pi-01")
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		options demo.Options
		says    string
	}{
		{demo.Options{Pis: 97}, "97 Pis: it must be between 1 and 96"},
		{demo.Options{Pis: -1}, "-1 Pis"},
		{demo.Options{Speed: 0.01}, "speed 0.01: it must be between 0.1 and 1000"},
		{demo.Options{Speed: 1e4}, "speed 10000"},
		{demo.Options{ChaosEvery: -time.Second}, "it must be a positive time"},
	} {
		_, err := demo.New(c.options)
		require.ErrorContains(t, err, c.says)
	}
}

// Who asks a house that does not run yet waits, as long as he likes.
func TestBeforeItRuns(t *testing.T) {
	d, err := demo.New(demo.Options{Pis: 1})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Shelves(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = d.Pi(t.Context(), "pi-02")
	require.ErrorIs(t, err, model.ErrUnknown)
	_, err = d.Domain(t.Context(), "example.com")
	require.ErrorIs(t, err, model.ErrUnknown)
}
