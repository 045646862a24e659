// Figures measures signing, verifying, transferring and updating zones beside other
// software in the same run. See README.md one folder up.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
)

type options struct {
	rounds, names, many int
	only, programs      *regexp.Regexp
	folder, inside      string
}

func main() {
	o := options{}
	var only, programs string
	flag.IntVar(&o.rounds, "rounds", 5, "how often, in turns; the median counts")
	flag.StringVar(&only, "only", ".", "measure what `REGEXP` matches: "+names())
	flag.StringVar(&programs, "programs", ".", "measure those that `REGEXP` matches, and ours")
	flag.IntVar(&o.names, "names", 100_000, "names of a zone")
	flag.IntVar(&o.many, "many", 1_000_000, "names of the large zones")
	flag.StringVar(&o.folder, "folder", "", "where files go; empty means a temporary folder")
	flag.StringVar(&o.inside, "inside", "", "be the program that is measured (it starts itself so)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx, only, programs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context, only, programs string) error {
	if o.inside != "" {
		return inside(ctx, o.inside, flag.Args())
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return err
	}
	if o.programs, err = regexp.Compile(programs); err != nil {
		return err
	}
	l, err := newLab(o.folder)
	if err != nil {
		return err
	}
	defer l.close()
	for _, t := range tests {
		if !o.only.MatchString(t.name) {
			continue
		}
		if err := t.run(ctx, o, l); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// test is one thing to measure.
type test struct {
	name string
	run  func(context.Context, *options, *lab) error
}

var tests = []test{
	{"sign", signHosting},
	{"sign3", signHosting3},
	{"tld", signTLD},
	{"tld3", signTLD3},
	{"many", signMany},
	{"many3", signMany3},
	{"verify", verifyHosting},
	{"update", updateOne},
	{"axfr", transferWhole},
}

func names() string {
	var all []string
	for _, t := range tests {
		all = append(all, t.name)
	}
	return strings.Join(all, ", ")
}

// inside is what a process does that is measured.
func inside(ctx context.Context, what string, args []string) error {
	programs := map[string]struct {
		args int
		run  func(context.Context, []string) error
	}{
		"sign": {6, signFile}, "verify": {2, verifyFile}, "update": {4, updateZone},
		"serve": {3, serveZone},
	}
	p, ok := programs[what]
	if !ok || len(args) != p.args {
		return fmt.Errorf("%q with %d arguments is nothing to measure", what, len(args))
	}
	return p.run(ctx, args)
}
