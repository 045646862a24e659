package dns01

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Journal remembers which records are ours. What a method did must last over a crash
// when it returns. One journal is for one process at a time.
type Journal interface {
	// Add remembers records that are about to be added.
	Add(ctx context.Context, records ...TXT) error
	// Remove forgets records that are deleted; those it does not know are no error.
	Remove(ctx context.Context, records ...TXT) error
	// List are the records that it remembers.
	List(ctx context.Context) ([]TXT, error)
}

func (s *Solver) journalAdd(ctx context.Context, records []TXT) error {
	if s.Journal == nil {
		return nil
	}
	if err := s.Journal.Add(ctx, records...); err != nil {
		return fmt.Errorf("write the journal, without which nothing is added: %w", err)
	}
	return nil
}

func (s *Solver) journalRemove(ctx context.Context, records []TXT) {
	if s.Journal == nil {
		return
	}
	if err := s.Journal.Remove(context.WithoutCancel(ctx), records...); err != nil {
		s.log.Warn("deleted records are still in the journal", "error", err)
	}
}

// Recover deletes what the journal has and nobody uses: records that an earlier run
// left behind, and those that it could not delete. The first [Solver.Present] does so
// too.
func (s *Solver) Recover(ctx context.Context) error {
	if err := s.setup(); err != nil || s.Journal == nil {
		return err
	}
	records, err := s.Journal.List(ctx)
	if err != nil {
		return fmt.Errorf("dns01: read the journal: %w", err)
	}
	errs := make([]error, len(records))
	var all sync.WaitGroup
	for i, txt := range records {
		if r := s.orphan(txt); r != nil {
			all.Go(func() { errs[i] = s.remove(ctx, r, 1) })
		}
	}
	all.Wait()
	return errors.Join(errs...)
}

// orphan takes a record that nobody uses, to delete it.
func (s *Solver) orphan(txt TXT) *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{txt.Name, txt.Value}
	if s.live[k] != nil {
		return nil
	}
	r := &record{txt: txt, gone: make(chan struct{})}
	s.live[k] = r
	return r
}
