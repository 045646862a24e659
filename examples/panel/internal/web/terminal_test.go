package web_test

import (
	"context"
	"fmt"
	"html"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

func (h *house) Console(_ context.Context, name string, o model.ConsoleOptions) (model.Console, error) {
	h.mu.Lock()
	t := h.screens[name]
	h.mu.Unlock()
	if t == nil {
		return nil, fmt.Errorf("house: console of %q: %w", name, model.ErrUnknown)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if o.Keyboard && t.holder != "" && !o.Take {
		return nil, fmt.Errorf("house: %s has the keyboard: %w", t.holder, model.ErrRefused)
	}
	if o.Keyboard {
		t.holder = o.By
		t.bump()
	}
	return &session{t, o}, nil
}

// bump is called with mu held.
func (t *terminal) bump() {
	t.number++
	close(t.changed)
	t.changed = make(chan struct{})
}

// say has the guest say something.
func (t *terminal) say(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text += text
	t.bump()
}

// session is a person at a terminal.
type session struct {
	*terminal
	o model.ConsoleOptions
}

func (s *session) mine() bool { return s.o.Keyboard && s.holder == s.o.By }

func (s *session) Screen(ctx context.Context, after uint64) (model.Screen, error) {
	for {
		s.mu.Lock()
		number, changed := s.number, s.changed
		out := model.Screen{
			Number: number, Text: s.text, Keyboard: s.mine(), Holder: s.holder,
			HTML: `<pre class="vt"><span class="vt-b vt-f2" style="background:#ff8700">ok</span> ` + html.EscapeString(s.text) + "</pre>",
		}
		s.mu.Unlock()
		if number > after {
			return out, nil
		}
		select {
		case <-ctx.Done():
			return model.Screen{}, ctx.Err()
		case <-changed:
		}
	}
}

func (s *session) Type(_ context.Context, keys []byte) error {
	s.mu.Lock()
	mine := s.mine()
	s.mu.Unlock()
	if !mine {
		return fmt.Errorf("house: you have not the keyboard: %w", model.ErrRefused)
	}
	s.say(strings.ReplaceAll(strings.ReplaceAll(string(keys), "\r", "\n"), "\x03", "^C"))
	return nil
}

func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mine() {
		s.holder = ""
		s.bump()
	}
	return nil
}
