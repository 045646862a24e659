package serialcon

import (
	"errors"
	"sync"
	"time"
)

// Engine reads the ports of many consoles by one thread, and hands what they
// said to their logs in one goroutine. Bursts that come within Coalesce, or
// Unwatched, become one, which saves most of what reading costs; a console to
// which somebody types is read at once.
//
// It is for ports that are Pollable, on Linux; other ports of its consoles are
// read by a goroutine each. The zero value is ready. It runs while a Console
// of it does. Consoles that share an Engine share the time their logs take: put
// a log on a file system that may hang into an Engine of its own.
type Engine struct {
	// Coalesce is the time between sweeps over the ports that somebody watches.
	// Zero means 20 ms, less than zero no wait.
	Coalesce time.Duration
	// Unwatched is the time between sweeps over the others, by which the times
	// in their logs may be late. While a port says so much that its driver's
	// buffer would fill, all are read as if somebody watched them. Zero, and what is
	// less than Coalesce, mean 100 ms or Coalesce, whichever is more; no wait in
	// Coalesce means none here.
	Unwatched time.Duration
	// Queue bounds what is read ahead of the logs, in bytes, for all consoles
	// together. Zero means 16 MiB. What does not fit is counted as a gap.
	Queue int

	mu    sync.Mutex // guards what follows
	users int
	pipe  *pipe
	sweep *sweep // nil where there is none
	wg    sync.WaitGroup
}

// errNoSweep makes a Console read the port itself.
var errNoSweep = errors.ErrUnsupported

// typedFor is how long after a key a console is read at once.
const typedFor = time.Second

// waits are the times between sweeps over ports that somebody watches, and
// over the others.
func (e *Engine) waits() (watched, others time.Duration) {
	watched = or(e.Coalesce, 20*time.Millisecond)
	if watched < 0 {
		return 0, 0
	}
	if e.Unwatched < watched {
		return watched, max(watched, 100*time.Millisecond)
	}
	return watched, e.Unwatched
}

// join starts the engine for its first console.
func (e *Engine) join() (*pipe, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users == 0 {
		p := newPipe(or(e.Queue, 16<<20))
		w, err := newSweep(p, e)
		if err != nil && !errors.Is(err, errNoSweep) {
			return nil, err
		}
		e.pipe, e.sweep = p, w
		e.wg.Go(p.run)
		if w != nil {
			e.wg.Go(w.run)
		}
	}
	e.users++
	return e.pipe, nil
}

// leave ends the engine after its last console, and waits for it.
func (e *Engine) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	if e.sweep != nil {
		e.sweep.close()
	}
	e.pipe.close()
	e.wg.Wait()
	e.pipe, e.sweep = nil, nil
}

func (e *Engine) current() *sweep {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sweep
}
