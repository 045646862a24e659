package dns01

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// presented is one challenge's use of a record.
type presented struct {
	solver *Solver
	record *record
	ended  atomic.Bool
}

// Ready waits until the record can be seen.
func (p *presented) Ready(ctx context.Context) error {
	s, txt := p.solver, p.record.txt
	timeout := cmp.Or(s.Timeout, 5*time.Minute)
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	last, err := s.wait(limited, txt)
	if err == nil {
		s.log.Debug("record visible", "name", txt.Name, "zone", txt.Zone, "took", time.Since(start))
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("dns01: wait for %s TXT in zone %s: %w", txt.Name, txt.Zone, ctx.Err())
	}
	if last == nil {
		last = errMissing
	}
	return fmt.Errorf("dns01: %s TXT in zone %s is not visible after %v: %w: %w", txt.Name, txt.Zone, timeout, ErrNotVisible, last)
}

// CleanUp deletes the record unless another challenge has it too. It goes on when the
// context ends, for 2 minutes at most.
func (p *presented) CleanUp(ctx context.Context) error {
	if p.ended.Swap(true) {
		return nil
	}
	return p.solver.drop(ctx, p.record)
}
