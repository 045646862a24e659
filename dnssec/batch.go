package dnssec

import (
	"crypto/ecdsa"
	"crypto/fips140"
	"crypto/sha256"
	"fmt"

	"github.com/mythic-beasts/hostkit/dnssec/internal/p256batch"
)

const (
	// batchShare is how many jobs a worker takes at once when some are batched.
	batchShare = p256batch.Most
	// batchLeast is how many signatures of a key a batch is worth while for.
	batchLeast = 32
)

// batchers are the keys that sign in batches.
type batchers map[*signingKey]*p256batch.Signer

// batchers finds them: keys in memory of algorithm 13 with enough to do.
func (s *Signer) batchers(jobs []job) (batchers, error) {
	if !s.BatchECDSA || fips140.Enabled() || len(jobs) < batchLeast {
		return nil, nil
	}
	count := map[*signingKey]int{}
	for _, j := range jobs {
		count[j.key]++
	}
	found := batchers{}
	for k, n := range count {
		private, ok := k.signer.(*ecdsa.PrivateKey)
		if !ok || k.alg != ECDSAP256SHA256 || n < batchLeast {
			continue
		}
		b, err := p256batch.New(private)
		if err != nil {
			return nil, fmt.Errorf("sign by %v: %w", k, err)
		}
		found[k] = b
	}
	return found, nil
}

// pending is the signatures that wait for one batch.
type pending struct {
	signer   *p256batch.Signer
	jobs     []*job
	prefixes []byte // one behind the other
	ends     []int
	digests  [][sha256.Size]byte
	sigs     [][p256batch.Size]byte
}

// wait puts a job into the batch of its key.
func (w *worker) wait(signer *p256batch.Signer, j *job, digest [sha256.Size]byte) {
	i := 0
	for i < len(w.waiting) && w.waiting[i].signer != signer {
		i++
	}
	if i == len(w.waiting) {
		w.waiting = append(w.waiting, pending{signer: signer})
	}
	p := &w.waiting[i]
	p.jobs = append(p.jobs, j)
	p.prefixes = append(p.prefixes, w.prefix...)
	p.ends = append(p.ends, len(p.prefixes))
	p.digests = append(p.digests, digest)
	if len(p.sigs) < len(p.jobs) {
		p.sigs = append(p.sigs, [p256batch.Size]byte{})
	}
}

// flush signs what waits.
func (w *worker) flush() error {
	for i := range w.waiting {
		p := &w.waiting[i]
		sigs := p.sigs[:len(p.jobs)]
		if err := p.signer.Sign(sigs, p.digests); err != nil {
			return fmt.Errorf("dnssec: sign by %v: %w", p.jobs[0].key, err)
		}
		start := 0
		for n, j := range p.jobs {
			w.buf = j.put(w.buf, p.prefixes[start:p.ends[n]], sigs[n][:])
			start = p.ends[n]
		}
		p.jobs, p.prefixes, p.ends, p.digests = p.jobs[:0], p.prefixes[:0], p.ends[:0], p.digests[:0]
	}
	return nil
}
