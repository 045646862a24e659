//go:build unix

package bench_test

import (
	"syscall"
	"testing"
	"time"
)

// processor reports the processor time of each round as well: on a machine that is
// busy with something else, only that means something.
func processor(b *testing.B, round func()) {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		round()
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	spent := func(r syscall.Rusage) time.Duration { return time.Duration(r.Utime.Nano() + r.Stime.Nano()) }
	b.ReportMetric(float64((spent(after)-spent(before)).Milliseconds())/float64(b.N), "cpu-ms/op")
}
