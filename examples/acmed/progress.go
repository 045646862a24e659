package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/mythic-beasts/hostkit/acme"
)

// progress shows how far each name of a certificate is: on a terminal in lines that are
// drawn again, else in one line for each change.
type progress struct {
	out      io.Writer
	terminal bool
	width    int // of the longest name
	start    time.Time

	mu    sync.Mutex // guards all below, and out
	names []string
	state map[string]string
	drawn bool
}

func newProgress(out io.Writer, names []string) *progress {
	p := &progress{out: out, start: time.Now(), names: names, state: map[string]string{}}
	if f, ok := out.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
	}
	for _, n := range names {
		p.width = max(p.width, len(n))
		p.state[n] = "ordered"
	}
	if p.terminal {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.draw()
	}
	return p
}

// set notes how far a name is.
func (p *progress) set(name, state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.names, name) || p.state[name] == state {
		return
	}
	p.state[name] = state
	if p.terminal {
		p.draw()
		return
	}
	p.line(name)
}

func (p *progress) line(name string) {
	fmt.Fprintf(p.out, "%6.1fs  %-*s  %s\n", time.Since(p.start).Seconds(), p.width, name, p.state[name])
}

// draw draws all lines, over those that are there.
func (p *progress) draw() {
	if p.drawn {
		fmt.Fprintf(p.out, "\x1b[%dA", len(p.names))
	}
	p.drawn = true
	for _, n := range p.names {
		fmt.Fprint(p.out, "\x1b[2K")
		p.line(n)
	}
}

// end says of each name what became of it.
func (p *progress) end(err error) {
	for _, n := range p.names {
		if err == nil {
			p.set(n, "in the certificate")
		} else {
			p.set(n, "no certificate")
		}
	}
}

// watched is a solver whose progress is shown.
type watched struct {
	solver   acme.Solver
	progress *progress
}

// Present implements [acme.Solver].
func (w *watched) Present(ctx context.Context, ch acme.Challenge) (acme.Presented, error) {
	name := ch.Identifier
	if ch.Wildcard {
		name = "*." + name
	}
	w.progress.set(name, "adding a TXT record")
	p, err := w.solver.Present(ctx, ch)
	if err != nil {
		w.progress.set(name, "no TXT record")
		return nil, err
	}
	w.progress.set(name, "waiting for name servers")
	return &watchedRecord{Presented: p, progress: w.progress, name: name}, nil
}

// watchedRecord is a record whose progress is shown.
type watchedRecord struct {
	acme.Presented
	progress *progress
	name     string
	seen     bool
}

// Ready implements [acme.Presented].
func (w *watchedRecord) Ready(ctx context.Context) error {
	if err := w.Presented.Ready(ctx); err != nil {
		w.progress.set(w.name, "not seen by name servers")
		return err
	}
	w.seen = true
	w.progress.set(w.name, "waiting for the authority")
	return nil
}

// CleanUp implements [acme.Presented].
func (w *watchedRecord) CleanUp(ctx context.Context) error {
	if w.seen {
		w.progress.set(w.name, "looked at by the authority")
	}
	return w.Presented.CleanUp(ctx)
}
