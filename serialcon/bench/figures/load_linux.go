package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// figures are what one run of one server cost.
type figures struct {
	usage
	said    int64 // bytes by all consoles
	refused int64 // of these, by the ttys, because they were not read in time
	missing int64 // of these, in the log
	bursts  int64 // in which they came
}

// load measures the servers on n consoles that talk all the time, one after
// the other in each round.
func (o *options) load(ctx context.Context, n, rounds int, servers []server) error {
	servers = slices.DeleteFunc(slices.Clone(servers), func(s server) bool { return !o.who.MatchString(s.name) })
	fmt.Printf("%d consoles, %d bytes/s each, for %s, lines stamped; medians of %d\n", n, o.rate, o.last, rounds)
	runs := map[string][]figures{}
	for round := range rounds {
		for i := range servers {
			s := &servers[(i+round)%len(servers)]
			f, err := o.once(ctx, s, n)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			runs[s.name] = append(runs[s.name], f)
		}
	}
	mine := figures{}
	if runs := runs[ours[0].name]; len(runs) > 0 {
		mine = summary(runs)
	}
	for _, s := range servers {
		f := summary(runs[s.name])
		fmt.Printf("  %-10s %6.2f s cpu (%4.1f %% of a processor)  %6.1f MB  %3d processes  %d of %d bytes lost (%d by the tty), in bursts of %d",
			s.name, f.cpu.Seconds(), 100*f.cpu.Seconds()/o.last.Seconds(), float64(f.pss)/1e6, f.procs, f.missing, f.said, f.refused, f.said/max(f.bursts, 1))
		if s.name != ours[0].name {
			fmt.Printf("  ours is %.2f of its cpu, %.2f of its memory", float64(mine.cpu)/float64(f.cpu), float64(mine.pss)/float64(f.pss))
		}
		fmt.Println()
	}
	return nil
}

// summary takes the median of each column, but of losses the sum.
func summary(runs []figures) (f figures) {
	f.cpu = median(runs, func(f figures) time.Duration { return f.cpu })
	f.pss = median(runs, func(f figures) int64 { return f.pss })
	f.procs = median(runs, func(f figures) int { return f.procs })
	for _, run := range runs {
		f.said += run.said
		f.refused += run.refused
		f.missing += run.missing
		f.bursts += run.bursts
	}
	return f
}

func median[T cmp.Ordered](runs []figures, of func(figures) T) T {
	var all []T
	for _, f := range runs {
		all = append(all, of(f))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// once runs one server.
func (o *options) once(ctx context.Context, s *server, n int) (f figures, err error) {
	run, err := os.MkdirTemp(o.dir, s.name)
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(run)
	r, err := openRack(n, filepath.Join(run, "ttys"))
	if err != nil {
		return f, err
	}
	defer r.close()
	cmd, err := s.start(r, run)
	if err != nil {
		return f, err
	}
	defer end(cmd)
	if err := s.ready(ctx, o, r, run); err != nil {
		return f, err
	}
	before := measure(cmd.Process.Pid)
	talked := make(chan error)
	go func() { talked <- r.talk(ctx, o.rate, o.last) }()
	if err := <-talked; err != nil {
		return f, err
	}
	time.Sleep(500 * time.Millisecond)
	f.usage = measure(cmd.Process.Pid)
	f.cpu -= before.cpu
	end(cmd)
	f.said, f.refused, f.bursts = r.totals()
	for _, d := range r {
		text, err := s.log(ctx, run, d.Name)
		if err != nil {
			return f, err
		}
		missing, _ := d.missing(text)
		f.missing += missing
	}
	return f, ctx.Err()
}
