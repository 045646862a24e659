package demo

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
)

// bench lets fakes that are made for tests run in a program: it is the testing.TB that
// they are started with. What they need of one is here, and nothing else; to call
// another method is a mistake that panics.
type bench struct {
	testing.TB // nil: TB cannot be implemented otherwise
	log        *slog.Logger

	mu    sync.Mutex // guards ended
	ended []func()
}

// mishap is what a fake could not do, as Fatalf ends the goroutine of a test.
type mishap struct{ error }

// start starts fakes. Its error is why one could not be.
func (b *bench) start(fakes func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case mishap:
			err = p.error
		default:
			panic(p)
		}
	}()
	fakes()
	return nil
}

// Helper does nothing.
func (b *bench) Helper() {}

// Cleanup has fn called when the bench is cleared.
func (b *bench) Cleanup(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, fn)
}

// Errorf writes to the log.
func (b *bench) Errorf(format string, args ...any) {
	b.log.Error("a fake failed", "why", fmt.Sprintf(format, args...))
}

// Fatalf ends start.
func (b *bench) Fatalf(format string, args ...any) {
	panic(mishap{fmt.Errorf("demo: start a fake: "+format, args...)})
}

// clear ends what was started, the last first.
func (b *bench) clear() {
	b.mu.Lock()
	ended := b.ended
	b.ended = nil
	b.mu.Unlock()
	for i := len(ended) - 1; i >= 0; i-- {
		ended[i]()
	}
}
