package accesstest

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Console is a session on a Pi's console. What is typed is its next screen.
type Console struct {
	house  *House
	pi, by string
	closed atomic.Bool
}

var _ model.Console = (*Console)(nil)

// Console implements [model.House].
func (h *House) Console(ctx context.Context, name string, o model.ConsoleOptions) (model.Console, error) {
	if _, err := h.Pi(ctx, name); err != nil {
		return nil, err
	}
	c := &Console{house: h, pi: name, by: o.By}
	if !o.Keyboard {
		return c, h.called("Console", name, "by", o.By)
	}
	h.mu.Lock()
	holder := h.holder[name]
	if holder == nil || o.Take {
		h.holder[name] = c
	}
	h.mu.Unlock()
	if holder != nil && !o.Take {
		return nil, fmt.Errorf("%s has the keyboard, take it if you must: %w", holder.by, model.ErrRefused)
	}
	return c, h.called("Console", name, "keyboard by", o.By)
}

// Screen implements [model.Console].
func (c *Console) Screen(ctx context.Context, after uint64) (model.Screen, error) {
	for {
		c.house.mu.Lock()
		s, changed := c.house.screen[c.pi], c.house.changed
		s.Keyboard = c.house.holder[c.pi] == c
		c.house.mu.Unlock()
		if s.Number > after {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return model.Screen{}, ctx.Err()
		}
	}
}

// Type implements [model.Console].
func (c *Console) Type(_ context.Context, keys []byte) error {
	c.house.mu.Lock()
	defer c.house.mu.Unlock()
	if c.house.holder[c.pi] != c {
		return fmt.Errorf("another has the keyboard: %w", model.ErrRefused)
	}
	s := c.house.screen[c.pi]
	c.house.screen[c.pi] = model.Screen{Number: s.Number + 1, Text: string(keys)}
	close(c.house.changed)
	c.house.changed = make(chan struct{})
	return nil
}

// Close implements [model.Console].
func (c *Console) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.house.mu.Lock()
	defer c.house.mu.Unlock()
	if c.house.holder[c.pi] == c {
		delete(c.house.holder, c.pi)
	}
	c.house.calls = append(c.house.calls, "Close "+c.pi)
	return nil
}
