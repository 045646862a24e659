package serialcontest

import (
	"context"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// Log is a serialcon.Log in memory, with a disk that may fill up or hang. The
// zero value is ready.
type Log struct {
	mu      sync.Mutex
	change  chan struct{}
	bytes   []byte
	events  []serialcon.Event
	room    int // bytes until the disk is full, if err is set
	err     error
	hung    bool
	syncs   int
	refused int
	failed  int
}

var _ serialcon.Log = (*Log)(nil)

// FillAfter makes the disk fail with err once it has taken n more bytes.
func (l *Log) FillAfter(n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room, l.err = n, err
}

// Free makes room again.
func (l *Log) Free() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = nil
}

// Hang makes each call wait, as on a server that does not answer, until it is
// called with false.
func (l *Log) Hang(hung bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hung = hung
	l.changed()
}

func (l *Log) changed() {
	if l.change != nil {
		close(l.change)
		l.change = nil
	}
}

// enter waits while the disk hangs, and returns with mu held.
func (l *Log) enter() {
	l.mu.Lock()
	for l.hung {
		l.await()
	}
}

// await waits for a change. It is called, and returns, with mu held.
func (l *Log) await() {
	if l.change == nil {
		l.change = make(chan struct{})
	}
	change := l.change
	l.mu.Unlock()
	<-change
	l.mu.Lock()
}

// Write keeps p, or nothing of it.
func (l *Log) Write(_ time.Time, p []byte) error {
	l.enter()
	defer l.mu.Unlock()
	defer l.changed()
	if l.err != nil {
		if len(p) > l.room {
			l.refused += len(p)
			l.failed++
			return l.err
		}
		l.room -= len(p)
	}
	l.bytes = append(l.bytes, p...)
	return nil
}

// Event keeps e.
func (l *Log) Event(e serialcon.Event) error {
	l.enter()
	defer l.mu.Unlock()
	defer l.changed()
	if l.err != nil && l.room <= 0 {
		l.failed++
		return l.err
	}
	l.events = append(l.events, e)
	return nil
}

// Sync counts how often it was called.
func (l *Log) Sync() error {
	l.enter()
	defer l.mu.Unlock()
	l.syncs++
	return nil
}

// Close does nothing.
func (l *Log) Close() error { return nil }

// Bytes are what was kept.
func (l *Log) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.bytes...)
}

// Events are the events that were kept.
func (l *Log) Events() []serialcon.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]serialcon.Event(nil), l.events...)
}

// Syncs is how often Sync was called.
func (l *Log) Syncs() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.syncs
}

// Refused is how many bytes a full disk did not take.
func (l *Log) Refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// Failures is how many calls failed.
func (l *Log) Failures() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// Wait returns once what was kept satisfies ok, or ctx ends.
func (l *Log) Wait(ctx context.Context, ok func(bytes []byte, events []serialcon.Event) bool) error {
	for {
		l.mu.Lock()
		if ok(l.bytes, l.events) {
			l.mu.Unlock()
			return nil
		}
		if l.change == nil {
			l.change = make(chan struct{})
		}
		change := l.change
		l.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
