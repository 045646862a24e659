package demo

import (
	"context"
	"slices"
	"sync"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// news tells watchers what changed. Each has a set of what it has not been told yet,
// so that a slow one costs no more memory than there are things. The zero value works.
type news struct {
	mu       sync.Mutex // guards watchers
	watchers map[*watcher]struct{}
}

type watcher struct {
	mu      sync.Mutex // guards pending
	pending []model.Change
	wake    chan struct{}
}

// tell is called with no lock of the caller's that a watcher may want.
func (n *news) tell(kind model.Kind, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.watchers {
		w.add(model.Change{Kind: kind, Name: name})
	}
}

func (w *watcher) add(c model.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.pending, c) {
		return
	}
	w.pending = append(w.pending, c)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []model.Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.pending
	w.pending = nil
	return taken
}

// watch calls fn with each change until ctx ends.
func (n *news) watch(ctx context.Context, fn func(model.Change)) error {
	w := &watcher{wake: make(chan struct{}, 1)}
	n.mu.Lock()
	if n.watchers == nil {
		n.watchers = make(map[*watcher]struct{})
	}
	n.watchers[w] = struct{}{}
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.watchers, w)
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		}
		for _, c := range w.take() {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fn(c)
		}
	}
}
