package dnssec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// findings gathers faults from all workers.
type findings struct {
	allow []Rule
	limit int
	stop  atomic.Bool // that many there are

	mu   sync.Mutex
	list []*Finding
}

func newFindings(o VerifyOptions) *findings {
	return &findings{allow: o.Allow, limit: o.Limit}
}

func (f *findings) add(n Name, typ uint16, rule Rule, format string, args ...any) {
	if slices.Contains(f.allow, rule) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == f.limit {
		f.stop.Store(true)
		return
	}
	f.list = append(f.list, &Finding{Name: n, Type: typ, Rule: rule, RFC: ruleRFC[rule], Why: fmt.Sprintf(format, args...)})
}

func (f *findings) full() bool { return f.stop.Load() }

// err joins them in canonical order; it is nil if there are none.
func (f *findings) err(z *Zone) error {
	if len(f.list) == 0 {
		return nil
	}
	sorted := sortFindings(f.list)
	errs := make([]error, 0, len(sorted)+1)
	for _, found := range sorted {
		errs = append(errs, found)
	}
	if f.full() {
		errs = append(errs, fmt.Errorf("dnssec: verify %q: and more than these %d findings", z.origin, f.limit))
	}
	return errors.Join(errs...)
}

// tally is what the names of a part or chunk add up to.
type tally struct {
	first           *node // of the chain
	expires, begins int64 // the first expiration, the last inception
	want, have      entrySum
	records, optOut int // NSEC3 records, and those with the flag
}

func emptyTally() tally { return tally{expires: math.MaxInt64, begins: math.MinInt64} }

func (t *tally) add(o *tally) {
	if t.first == nil {
		t.first = o.first
	}
	t.expires, t.begins = min(t.expires, o.expires), max(t.begins, o.begins)
	t.want.merge(o.want)
	t.have.merge(o.have)
	t.records += o.records
	t.optOut += o.optOut
}

// summary is a chunk that was verified.
type summary struct {
	start, end edge
	tally
}

// part is a run of names for one worker.
type part struct {
	nodes []*node
	start edge
	into  *summary
	tally tally
}

// work verifies the parts.
func (v *verifier) work(ctx context.Context, workers int) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var taken atomic.Int64
	var wait sync.WaitGroup
	for range min(workers, len(v.parts)) {
		wait.Go(func() {
			s := newScan(v)
			defer s.end()
			for ctx.Err() == nil && !v.found.full() {
				i := int(taken.Add(1)) - 1
				if i >= len(v.parts) {
					return
				}
				s.part(v.parts[i])
			}
		})
	}
	wait.Wait()
	for _, p := range v.parts {
		p.into.add(&p.tally)
	}
	return context.Cause(ctx)
}
