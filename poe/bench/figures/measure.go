package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// result is the median of some rounds.
type result struct {
	wall, cpu time.Duration
	allocs    uint64
}

// measure does it some times, after once that does not count.
func measure(rounds int, fn func() error) (result, error) {
	if err := fn(); err != nil {
		return result{}, err
	}
	var walls, cpus []time.Duration
	var allocs []uint64
	var before, after runtime.MemStats
	for range rounds {
		runtime.ReadMemStats(&before)
		cpu, start := cpuTime(), time.Now()
		if err := fn(); err != nil {
			return result{}, err
		}
		walls, cpus = append(walls, time.Since(start)), append(cpus, cpuTime()-cpu)
		runtime.ReadMemStats(&after)
		allocs = append(allocs, after.Mallocs-before.Mallocs)
	}
	return result{median(walls), median(cpus), median(allocs)}, nil
}

func median[T time.Duration | uint64](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// times does fn n times, for what is too short to be measured once.
func times(n int, fn func() error) func() error {
	return func() error {
		for range n {
			if err := fn(); err != nil {
				return err
			}
		}
		return nil
	}
}

// line prints one figure. Ours is compared with the others by the wall clock.
func line(what string, r result, per int, note string) {
	fmt.Printf("  %-34s %10s wall %10s cpu  %s\n", what, round(r.wall/time.Duration(per)), round(r.cpu/time.Duration(per)), note)
}

func round(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > 10*time.Millisecond:
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}

func ratio(ours, others time.Duration) string {
	return fmt.Sprintf("ours is 1/%.1f", float64(others)/float64(ours))
}
