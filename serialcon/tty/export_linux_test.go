package tty

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Apply is apply.
func (c Config) Apply(t *unix.Termios) { c.withDefaults().apply(t) }

// Missing is missing.
func (c Config) Missing(want, got *unix.Termios) string { return c.withDefaults().missing(want, got) }

// AwaitTold waits for inotify alone.
func (c Config) AwaitTold(ctx context.Context, waiting func()) error {
	w := newWatcher()
	defer w.close()
	w.look, w.waiting = time.Hour, waiting
	return c.await(ctx, w)
}

// AwaitUntold waits as if there were no inotify.
func (c Config) AwaitUntold(ctx context.Context, waiting func()) error {
	return c.await(ctx, &watcher{look: time.Millisecond, waiting: waiting})
}

// Failed is what a port makes of an error of its driver.
func Failed(p serialcon.Port, op string, err error) error { return p.(*port).failed(op, err) }
