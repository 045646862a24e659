// Bench measures this module's ACME client beside lego's in the same run. See
// README.md.
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
	rounds int
	only   *regexp.Regexp
	folder string // of profiles
}

func main() {
	var o options
	var only, inside string
	flag.IntVar(&o.rounds, "rounds", 0, "how often, in turns; the median counts; 0 is each figure's own number")
	flag.StringVar(&only, "only", ".", "measure what `REGEXP` matches: "+names())
	flag.StringVar(&o.folder, "profile", "", "write profiles of the clients' last rounds into `FOLDER`, for go tool pprof")
	flag.StringVar(&inside, "inside", "", "be the program that is measured, or its server (it starts itself so)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx, only, inside); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context, only, inside string) error {
	if inside != "" {
		return insideProcess(ctx, inside, flag.Args())
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return err
	}
	for _, f := range figures {
		if !o.only.MatchString(f.name) {
			continue
		}
		rounds := o.rounds
		if rounds == 0 {
			rounds = f.rounds
		}
		fmt.Printf("%s: %s (%d rounds, load %s)\n", f.name, f.what, rounds, load())
		if err := f.run(ctx, rounds, o.folder); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// figure is one thing to measure.
type figure struct {
	name, what string
	rounds     int
	run        func(ctx context.Context, rounds int, profiles string) error
}

var figures = []figure{
	{"hundred", "100 certificates, 100 at the same time", 5, hundred.compare},
	{"thousand", "1,000 certificates, 1,000 at the same time", 5, thousand.compare},
	{"thirty", "one certificate of 30 names", 1, thirty.compare},
	{"presents", "100 records, each by a call of its own, where a request takes 100 ms", 5, presents},
	{"coalesce", "challenges of one zone at the same time", 1, coalesce},
	{"faults", "1,000 certificates where 30% of the nonces are refused and 5% of the requests are answered 503", 3, faults},
}

func names() string {
	var all []string
	for _, f := range figures {
		all = append(all, f.name)
	}
	return strings.Join(all, ", ")
}

// insideProcess is what a process does that this program starts.
func insideProcess(ctx context.Context, what string, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%q with %d arguments is nothing to do", what, len(args))
	}
	switch what {
	case "server":
		return serve(args[0])
	case "ours", "lego":
		return issue(ctx, what, args[0])
	}
	return fmt.Errorf("%q is nothing to do", what)
}
