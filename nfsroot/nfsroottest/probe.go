package nfsroottest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Result is what one probe found out.
type Result struct {
	// Name is the probe's, such as "hard-link".
	Name string
	// Optional says that a root works without it: what NFSv3 does not carry.
	Optional bool
	// Skipped says why the probe was not made. Empty means that it was.
	Skipped string
	// Err is how the file system differs from a local one. Nil means that it
	// does not, or that the probe was not made.
	Err error
}

// Failed reports whether the file system lacks what a root needs.
func (r Result) Failed() bool { return r.Err != nil && !r.Optional }

// String is one line for a person or a log.
func (r Result) String() string {
	switch {
	case r.Skipped != "":
		return fmt.Sprintf("skip %s: %s", r.Name, r.Skipped)
	case r.Failed():
		return fmt.Sprintf("FAIL %s: %v", r.Name, r.Err)
	case r.Err != nil:
		return fmt.Sprintf("no   %s: %v", r.Name, r.Err)
	}
	return "ok   " + r.Name
}

// A probe is one question to the file system.
type probe struct {
	name     string
	root     bool // makes files of others, or acts as another user
	optional bool
	ask      func(p place) error
}

// A place is the folder where one probe does as it likes.
type place string

func (p place) path(name string) string { return filepath.Join(string(p), name) }

// Probe asks the file system that dir lies on how far it behaves like a local
// one, from setuid bits to files that are renamed while they are open. Each
// probe works in a folder of its own below dir, and removes it. Probes that act
// as other users, or need them, are skipped unless the process is root; those
// users must be able to reach dir.
//
// Probes that come after ctx has ended are skipped with its error as the reason.
func Probe(ctx context.Context, dir string) []Result {
	return slices.Collect(Probes(ctx, dir))
}

// Probes is [Probe] for those who want each result as it comes.
func Probes(ctx context.Context, dir string) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		for _, pr := range probes() {
			if !yield(pr.result(ctx, dir)) {
				return
			}
		}
	}
}

func (pr probe) result(ctx context.Context, dir string) Result {
	r := Result{Name: pr.name, Optional: pr.optional}
	switch {
	case ctx.Err() != nil:
		r.Skipped = ctx.Err().Error()
	case pr.root && os.Geteuid() != 0:
		r.Skipped = "needs root"
	default:
		r.Err = pr.in(dir)
	}
	return r
}

func (pr probe) in(dir string) (err error) {
	own, err := os.MkdirTemp(dir, "probe-"+pr.name+"-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	if err := os.Chmod(own, 0o777); err != nil { // other users work here too
		return err
	}
	return pr.ask(place(own))
}

// RunProbes makes a subtest of each of [Probe]'s results. What is optional and
// missing is logged.
func RunProbes(t *testing.T, dir string) {
	t.Helper()
	for _, r := range Probe(t.Context(), dir) {
		t.Run(r.Name, func(t *testing.T) {
			switch {
			case r.Skipped != "":
				t.Skip(r.Skipped)
			case r.Failed():
				t.Error(r.Err)
			case r.Err != nil:
				t.Logf("not here: %v", r.Err)
			}
		})
	}
}
