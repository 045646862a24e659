package dns01

import (
	"context"
	"fmt"
	"time"
)

const (
	// cleanUpTimeout is for deleting records when nobody's context says how long.
	cleanUpTimeout = 2 * time.Minute
	// removeTries is how often a record that was added is deleted until that goes well:
	// what stays is in the way of later answers. The first pause doubles.
	removeTries = 3
	removePause = 500 * time.Millisecond
)

// join takes part in a record, which is mine to add if it was not there. One that is
// being deleted is waited for.
func (s *Solver) join(ctx context.Context, txt TXT) (r *record, mine bool, err error) {
	k := key{txt.Name, txt.Value}
	for {
		s.mu.Lock()
		r := s.live[k]
		switch {
		case r == nil:
			r = &record{txt: txt, users: 1, added: make(chan struct{}), gone: make(chan struct{})}
			s.live[k] = r
			s.mu.Unlock()
			return r, true, nil
		case r.users > 0:
			r.users++
			s.mu.Unlock()
			return r, false, nil
		}
		s.mu.Unlock()
		select {
		case <-r.gone:
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// add puts a record of ours into the DNS. After an error it is deleted, since it may
// be there all the same.
func (s *Solver) add(ctx context.Context, r *record) error {
	start := time.Now()
	err := s.adds.do(ctx, r.txt)
	if err == nil {
		s.log.Debug("record added", "name", r.txt.Name, "zone", r.txt.Zone, "took", time.Since(start))
		close(r.added)
		return nil
	}
	s.mu.Lock()
	r.err, r.users = err, 0
	s.mu.Unlock()
	close(r.added)
	if undo := s.remove(context.WithoutCancel(ctx), r, 1); undo != nil {
		s.log.Warn("a record that could not be added may be there", "name", r.txt.Name, "zone", r.txt.Zone, "error", undo)
	}
	return err
}

// drop ends one use of a record. The last deletes it.
func (s *Solver) drop(ctx context.Context, r *record) error {
	s.mu.Lock()
	if r.users == 0 { // adding it failed, and has cleaned up
		s.mu.Unlock()
		return nil
	}
	r.users--
	last := r.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return s.remove(ctx, r, removeTries)
}

// remove deletes a record that has no users, and forgets it.
func (s *Solver) remove(ctx context.Context, r *record, tries int) error {
	defer func() {
		s.mu.Lock()
		delete(s.live, key{r.txt.Name, r.txt.Value})
		s.mu.Unlock()
		close(r.gone)
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := s.deletes.do(ctx, r.txt)
		if err == nil {
			return nil
		}
		if try == tries || !pauseFor(ctx, removePause<<(try-1)) {
			return fmt.Errorf("dns01: delete %s TXT %q in zone %s: %w", r.txt.Name, r.txt.Value, r.txt.Zone, err)
		}
	}
}
