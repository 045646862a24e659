package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/etcdstore"
)

// times are those of one change, as all processes' clock has them.
type times struct {
	sent, written time.Time
	last          time.Time // when the last of all proxies had it
	proxies       int
}

// run is one measurement.
type run struct {
	options
	store   *etcdstore.Store
	changes []times // by number; 0 is none
	mu      sync.Mutex
	all     sync.WaitGroup
	synced  chan string
}

// measure fills etcd, starts the proxies and makes the changes.
func measure(ctx context.Context, o options) error {
	store, err := o.store()
	if err != nil {
		return err
	}
	defer store.Close()
	r := &run{options: o, store: store, changes: make([]times, 1+o.warmUp+o.changes), synced: make(chan string)}
	if err := r.fill(ctx); err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer r.all.Wait()
	defer end()
	began := time.Now()
	for range o.proxies {
		if err := r.start(ctx); err != nil {
			return err
		}
	}
	for range o.proxies {
		select {
		case <-r.synced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	fmt.Fprintf(r.out, "%d proxies have read %d sites after %.1f s\n", o.proxies, o.sites, time.Since(began).Seconds())
	if err := r.change(ctx); err != nil {
		return err
	}
	return r.report()
}

// fill writes all sites, many at a time.
func (r *run) fill(ctx context.Context) error {
	began := time.Now()
	numbers := make(chan int)
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for n := range numbers {
				if err := r.put(ctx, n, 0); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for n := range r.sites {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	fmt.Fprintf(r.out, "%d sites written in %.1f s\n", r.sites, time.Since(began).Seconds())
	return nil
}

func (r *run) put(ctx context.Context, n, c int) error {
	val, err := json.Marshal(site(n, c))
	if err != nil {
		return err
	}
	_, err = r.store.Put(ctx, fmt.Sprintf("%scustomer-%d", sitesPrefix, n), val, -1)
	return err
}

// start starts a proxy and takes down what it says.
func (r *run) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, os.Args[0], "-follow", "-endpoints", r.endpoints, "-prefix", r.prefix)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.all.Go(func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "synced "); ok {
				r.synced <- rest
				continue
			}
			var c int
			var at int64
			if _, err := fmt.Sscan(lines.Text(), &c, &at); err == nil {
				r.note(c, time.Unix(0, at))
			}
		}
		_ = cmd.Wait() // it was ended
	})
	return nil
}

// note takes down that a proxy has a change.
func (r *run) note(c int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.changes[c]
	t.proxies++
	if at.After(t.last) {
		t.last = at
	}
}

// change makes the changes, one after the other, and waits until all have them.
func (r *run) change(ctx context.Context) error {
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	if len(r.changes) > r.sites {
		return fmt.Errorf("%d changes want as many sites, not %d: a site's later change hides the one before", len(r.changes)-1, r.sites)
	}
	sites := rand.Perm(r.sites) //nolint:gosec // no secret: which sites change
	for c := 1; c < len(r.changes); c++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		sent := time.Now()
		if err := r.put(ctx, sites[c], c); err != nil {
			return err
		}
		r.mu.Lock()
		r.changes[c].sent, r.changes[c].written = sent.Round(0), time.Now().Round(0)
		r.mu.Unlock()
	}
	for range 300 {
		if r.missing() == 0 {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return fmt.Errorf("%d changes are not on all proxies after 30 s", r.missing())
}

func (r *run) missing() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.changes[1:] {
		if t.proxies < r.proxies {
			n++
		}
	}
	return n
}

// report prints the figures.
func (r *run) report() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var write, visible, whole []time.Duration
	for _, t := range r.changes[1+r.warmUp:] {
		write = append(write, t.written.Sub(t.sent))
		visible = append(visible, max(0, t.last.Sub(t.written)))
		whole = append(whole, t.last.Sub(t.sent))
	}
	fmt.Fprintf(r.out, "%d changes of one site in %d, until the last of %d proxies routes by it, ms:\n", len(whole), r.sites, r.proxies)
	for _, line := range []struct {
		what string
		took []time.Duration
	}{{"etcd writes it", write}, {"then until it is in force", visible}, {"both", whole}} {
		slices.Sort(line.took)
		at := func(p float64) float64 {
			return line.took[int(p*float64(len(line.took)-1))].Seconds() * 1000
		}
		fmt.Fprintf(r.out, "%-28s p50 %7.2f  p99 %7.2f  max %7.2f\n", line.what, at(.5), at(.99), at(1))
	}
	return nil
}
