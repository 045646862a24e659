package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// defaultHookTime is how long a command of the operator's may take.
const defaultHookTime = daemon.Duration(time.Minute)

// maxHookOutput bounds what is kept of what a command says.
const maxHookOutput = 64 << 10

// command is a program of the operator's, run without a shell.
type command struct {
	argv    []string
	timeout time.Duration
}

// run runs it with {placeholders} of its arguments replaced, and returns what it
// said. What it says on standard error is in the error.
func (c command) run(ctx context.Context, words map[string]string, stdin string, env ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var pairs []string
	for name, value := range words {
		pairs = append(pairs, "{"+name+"}", value)
	}
	fill := strings.NewReplacer(pairs...)
	argv := make([]string, len(c.argv))
	for i, arg := range c.argv {
		argv[i] = fill.Replace(arg)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	out, fault := &bounded{}, &bounded{}
	cmd.Stdout, cmd.Stderr = out, fault
	cmd.WaitDelay = time.Second // for children that keep the pipes open
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("no end after %v: %w", c.timeout, ctx.Err())
	}
	if err != nil {
		return out.String(), fmt.Errorf("%s: %w: %q", argv[0], err, strings.TrimSpace(fault.String()))
	}
	return out.String(), nil
}

// bounded keeps the first bytes that are written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), maxHookOutput-b.Len())])
	return len(p), nil
}

// matchHook runs the operator's command for each match. It never waits: beyond
// its queue matches are counted, and the count is logged. Nil does nothing.
type matchHook struct {
	command command
	queue   chan *incident
	log     *slog.Logger

	mu      sync.Mutex
	dropped int
}

// hookQueue and hookWorkers bound what a rack in trouble starts.
const (
	hookQueue   = 256
	hookWorkers = 4
)

func newMatchHook(w watchConfig, log *slog.Logger) *matchHook {
	if len(w.Command) == 0 {
		return nil
	}
	return &matchHook{
		command: command{argv: w.Command, timeout: durationOf(w.Timeout)},
		queue:   make(chan *incident, hookQueue), log: log,
	}
}

func (h *matchHook) tell(in *incident) {
	if h == nil {
		return
	}
	select {
	case h.queue <- in:
	default:
		h.mu.Lock()
		h.dropped++
		h.mu.Unlock()
	}
}

// run runs commands until ctx ends.
func (h *matchHook) run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range hookWorkers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case in := <-h.queue:
					h.one(ctx, in)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

func (h *matchHook) one(ctx context.Context, in *incident) {
	h.mu.Lock()
	dropped := h.dropped
	h.dropped = 0
	h.mu.Unlock()
	if dropped > 0 {
		h.log.Warn("watch.command is too slow", "matches_without_it", dropped)
	}
	_, err := h.command.run(ctx,
		map[string]string{"console": in.Console, "machine": in.Machine, "pattern": in.Pattern}, in.Screen,
		"SERIALCOND_CONSOLE="+in.Console, "SERIALCOND_MACHINE="+in.Machine, "SERIALCOND_PATTERN="+in.Pattern,
		"SERIALCOND_LINE="+strings.ToValidUTF8(strings.ReplaceAll(in.Line, "\x00", ""), "�"),
		"SERIALCOND_TIME="+in.At.UTC().Format(time.RFC3339Nano))
	if err != nil && !errors.Is(err, context.Canceled) {
		h.log.Warn("watch.command failed", "console", in.Console, "pattern", in.Pattern, "err", err)
	}
}
