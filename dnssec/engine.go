package dnssec

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// job is a signature to make.
type job struct {
	owner Name
	set   *rrset
	key   *signingKey
	sigs  *rrset // where it goes
	at    int
}

// batch is how many jobs a worker takes at once.
const batch = 32

// work does the jobs, and stops at the first error.
func (r *run) work(ctx context.Context, s *Signer, jobs []job) error {
	workers := s.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken atomic.Int64
	var wait sync.WaitGroup
	for range min(workers, len(jobs)/batch+1) {
		wait.Go(func() {
			var prefix, data []byte
			for ctx.Err() == nil {
				end := int(taken.Add(batch))
				if end-batch >= len(jobs) {
					return
				}
				for _, j := range jobs[end-batch : min(end, len(jobs))] {
					inception, expiration := r.validity.window(j.owner, j.set.typ, r.now)
					prefix = appendPrefix(prefix[:0], j.owner, j.set, j.key, inception, expiration)
					data = appendSet(append(data[:0], prefix...), j.owner, j.set)
					sig, err := j.key.sign(data)
					if err != nil {
						cancel(err)
						return
					}
					j.sigs.rdata[j.at] = string(prefix) + string(sig)
				}
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, j := range jobs {
		slices.Sort(j.sigs.rdata)
	}
	return nil
}
