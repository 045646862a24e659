// Figures compares the reading and logging of serial consoles with conserver
// and conman: processor time, memory and lost bytes, in one run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// options say what is measured.
type options struct {
	only   *regexp.Regexp // sections
	who    *regexp.Regexp // servers
	rounds int
	rate   int // bytes a second and console
	last   time.Duration
	settle time.Duration
	dir    string
}

// sections are measured in this order.
var sections = []struct {
	name string
	run  func(*options, context.Context) error
}{
	{"load-0100", func(o *options, ctx context.Context) error { return o.load(ctx, 100, o.rounds, everybody) }},
	{"load-0500", func(o *options, ctx context.Context) error { return o.load(ctx, 500, o.rounds, everybody) }},
	{"load-1000", func(o *options, ctx context.Context) error { return o.load(ctx, 1000, 1, ours) }},
	{"stalled", func(o *options, ctx context.Context) error {
		flood := *o
		flood.rate = 40_000
		return flood.load(ctx, 50, o.rounds, stalled)
	}},
}

func main() {
	o := options{}
	only := flag.String("only", ".", "sections to measure")
	who := flag.String("servers", ".", "servers to measure")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each section")
	flag.IntVar(&o.rate, "rate", 11520, "bytes a second that each console says")
	flag.DurationVar(&o.last, "last", 20*time.Second, "how long they talk")
	flag.DurationVar(&o.settle, "settle", 3*time.Second, "wait between a server's last opened log and the first byte")
	flag.StringVar(&o.dir, "dir", "", "where logs are written; default a temporary folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx, *only, *who); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		stop()
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context, only, who string) (err error) {
	if o.only, err = regexp.Compile(only); err != nil {
		return err
	}
	if o.who, err = regexp.Compile(who); err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "consoles"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	first()
	if err := adoptOrphans(); err != nil {
		return err
	}
	for _, s := range sections {
		if ctx.Err() == nil && o.only.MatchString(s.name) {
			if err := s.run(o, ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return ctx.Err()
}
