package dnssec

import (
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
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
func (r *run) work(ctx context.Context, workers int) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken atomic.Int64
	var wait sync.WaitGroup
	for range min(workers, len(r.jobs)/batch+1) {
		wait.Go(func() {
			var prefix, data []byte
			for ctx.Err() == nil {
				end := int(taken.Add(batch))
				if end-batch >= len(r.jobs) {
					return
				}
				for _, j := range r.jobs[end-batch : min(end, len(r.jobs))] {
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
	for _, j := range r.jobs {
		slices.Sort(j.sigs.rdata)
	}
	return nil
}

// same says whether there is nothing to do, and what there is is the previous zone.
func (r *run) same(p SerialPolicy) bool {
	if p.follows() && r.prev != nil && serialAfter(r.unsigned.Serial(), r.prev.Serial()) {
		return false
	}
	if r.prev == nil || len(r.jobs) > 0 || len(r.items) != r.prev.nodes.names() {
		return false
	}
	i := 0
	for n := range r.prev.nodes.all() {
		if !n.equal(r.items[i].node) {
			return false
		}
		i++
	}
	return true
}

// raise gives the zone its new serial, and signs the SOA anew.
func (r *run) raise(p SerialPolicy) error {
	serial, err := p.next(r.unsigned, r.prev, r.now)
	if err != nil {
		return err
	}
	apex := r.items[0]
	old, sigs := apex.set(dns.TypeSOA, 0), apex.set(dns.TypeRRSIG, dns.TypeSOA)
	for _, rdata := range sigs.rdata {
		if rdata != "" {
			r.reused--
		}
	}
	r.jobs = slices.DeleteFunc(r.jobs, func(j job) bool { return j.set == old })
	next := old.withSerial(serial)
	apex.put(next)
	apex.put(r.sign(apex.name, next, nil))
	return nil
}

// zone is the result. Names that are as before are those of the previous zone, so
// that the two share them.
func (r *run) zone() *Zone {
	old := cursor{}
	if r.prev != nil {
		old.t = r.prev.nodes
	}
	nodes := make([]*node, len(r.items))
	for i, it := range r.items {
		nodes[i] = it.node
		if was := old.find(it.key); was != nil && was.equal(it.node) {
			nodes[i] = was
		}
	}
	return &Zone{origin: r.unsigned.origin, key: r.unsigned.key, nodes: newTree(nodes)}
}

func (r *run) finish(changed bool) Report {
	report := Report{Signed: len(r.jobs), Reused: r.reused, Dropped: -r.reused, Changed: changed}
	if r.prev != nil {
		for n := range r.prev.nodes.all() {
			for _, s := range n.sets {
				if s.typ == dns.TypeRRSIG {
					report.Dropped += len(s.rdata)
				}
			}
		}
	} else {
		report.Dropped = 0
	}
	first := r.validity.Lifetime
	for _, it := range r.items {
		for _, s := range it.sets {
			if s.typ == dns.TypeRRSIG {
				for _, rdata := range s.rdata {
					first = min(first, r.validity.left(rdata, r.now))
				}
			}
		}
	}
	report.NextRefresh = r.now.Add(max(first, time.Second)).UTC()
	return report
}

// tagInSet is the tag field of an RRSIG.
func tagInSet(rdata string) uint16 { return binary.BigEndian.Uint16([]byte(rdata[atTag:])) }
