package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// job is what a client is to do, and where.
type job struct {
	Certificates, AtOnce, Names int
	World                       world
	Profile                     string // a path without its end, or ""
}

// cost is what it took.
type cost struct {
	Seconds    float64
	Failed     int
	FirstError string
	// Allocations, Bytes and Goroutines are for each certificate; goroutines at most,
	// for those in flight.
	Allocations, Bytes, Goroutines float64
}

// obtain gets one certificate of the names.
type obtain func(ctx context.Context, names []string) error

// issue is a process that obtains certificates, and says what it cost. It has made the
// account before.
func issue(ctx context.Context, what, arg string) error {
	var j job
	if err := json.Unmarshal([]byte(arg), &j); err != nil {
		return err
	}
	get, err := map[string]func(context.Context, *world) (obtain, error){"ours": newOurs, "lego": newLego}[what](ctx, &j.World)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	profiled, err := startProfiles(j.Profile)
	if err != nil {
		return err
	}
	c := j.measure(ctx, get)
	return errors.Join(profiled(), json.NewEncoder(os.Stdout).Encode(c))
}

// measure obtains all certificates.
func (j *job) measure(ctx context.Context, get obtain) cost {
	var before, after runtime.MemStats
	watch := watchGoroutines()
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	errs := j.all(ctx, get)
	c := cost{Seconds: time.Since(start).Seconds()}
	runtime.ReadMemStats(&after)
	n := float64(j.Certificates)
	c.Goroutines = float64(watch()) / float64(min(j.AtOnce, j.Certificates))
	c.Allocations, c.Bytes = float64(after.Mallocs-before.Mallocs)/n, float64(after.TotalAlloc-before.TotalAlloc)/n
	for _, err := range errs {
		if err != nil {
			c.Failed++
			c.FirstError = errors.Join(errs...).Error()
		}
	}
	c.FirstError = c.FirstError[:min(len(c.FirstError), 500)]
	return c
}

func (j *job) all(ctx context.Context, get obtain) []error {
	errs := make([]error, j.Certificates)
	slots := make(chan struct{}, j.AtOnce)
	var all sync.WaitGroup
	for i := range errs {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			names := make([]string, j.Names)
			for n := range names {
				names[n] = fmt.Sprintf("c%d-n%d.example.com", i, n)
			}
			errs[i] = get(ctx, names)
		})
	}
	all.Wait()
	return errs
}

// watchGoroutines returns what ends it and is the most there were, without those from
// before.
func watchGoroutines() func() int {
	before := runtime.NumGoroutine() + 1
	var most atomic.Int64
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			most.Store(max(most.Load(), int64(runtime.NumGoroutine()-before)))
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return func() int {
		close(end)
		<-ended
		return int(most.Load())
	}
}
