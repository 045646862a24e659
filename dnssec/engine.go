package dnssec

import (
	"context"
	"crypto/sha256"
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

// put stores the signature behind the data of its RRSIG. The buffer is for both.
func (j *job) put(buf, prefix, sig []byte) []byte {
	buf = append(append(buf[:0], prefix...), sig...)
	j.sigs.rdata[j.at] = string(buf)
	return buf
}

// share is how many jobs a worker takes at once.
const share = 32

// work does the jobs, and stops at the first error.
func (r *run) work(ctx context.Context, s *Signer, jobs []job) error {
	workers, share := s.Workers, share
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	batchers, err := s.batchers(jobs)
	if err != nil {
		return err
	}
	if len(batchers) > 0 {
		share = batchShare
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken atomic.Int64
	var wait sync.WaitGroup
	for range min(workers, len(jobs)/share+1) {
		wait.Go(func() {
			w := worker{run: r, batchers: batchers}
			for ctx.Err() == nil {
				end := int(taken.Add(int64(share)))
				if end-share >= len(jobs) {
					return
				}
				if err := w.do(jobs[end-share : min(end, len(jobs))]); err != nil {
					cancel(err)
					return
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

// worker is one goroutine's part of the work.
type worker struct {
	run               *run
	batchers          batchers
	prefix, data, buf []byte
	waiting           []pending
}

func (w *worker) do(jobs []job) error {
	for i := range jobs {
		j := &jobs[i]
		inception, expiration := w.run.validity.window(j.owner, j.set.typ, w.run.now)
		w.prefix = appendPrefix(w.prefix[:0], j.owner, j.set, j.key, inception, expiration)
		w.data = appendSet(append(w.data[:0], w.prefix...), j.owner, j.set)
		if b := w.batchers[j.key]; b != nil {
			w.wait(b, j, sha256.Sum256(w.data))
			continue
		}
		sig, err := j.key.sign(w.data)
		if err != nil {
			return err
		}
		w.buf = j.put(w.buf, w.prefix, sig)
	}
	return w.flush()
}
