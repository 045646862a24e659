package demo

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/netboot"
)

// What tests of single parts need.
type (
	// Guest is a guest.
	Guest = guest
	// History is a history.
	History struct{ inner history }
	// News is news.
	News struct{ inner news }
)

var (
	ShownFile  = shownFile
	KernelSize = kernelSize
	NewPlan    = newPlan
)

func (h *History) Now() model.Boot                                     { return h.inner.now() }
func (h *History) Latest(n int) []model.Boot                           { return h.inner.latest(n) }
func (h *History) Follow(s netboot.Status, total int64)                { h.inner.follow(s, total) }
func (h *History) Crash(words string)                                  { h.inner.crash(words) }
func (h *History) End(at time.Time)                                    { h.inner.end(at) }
func (n *News) Tell(kind model.Kind, name string)                      { n.inner.tell(kind, name) }
func (n *News) Watch(ctx context.Context, fn func(model.Change)) error { return n.inner.watch(ctx, fn) }

// Bench is a bench.
type Bench struct{ inner bench }

// NewBench is a bench with a log.
func NewBench(log *slog.Logger) *Bench { return &Bench{bench{log: log}} }

// Start starts fakes on it.
func (b *Bench) Start(fakes func(testing.TB)) error {
	return b.inner.start(func() { fakes(&b.inner) })
}

// Clear ends them.
func (b *Bench) Clear() { b.inner.clear() }
