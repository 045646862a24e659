// Figures measures how long it takes to look at PoE switches over SNMP, beside
// gosnmp used directly and net-snmp's snmpwalk. See README.md one folder up.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"time"
)

type options struct {
	rounds, switches, ports int
	delay, gap              time.Duration
	loss                    float64
	concurrency             int
	only                    *regexp.Regexp
	serve                   bool
}

func main() {
	var o options
	only := flag.String("only", ".", "measure what `REGEXP` matches: status, fleet, slow, sequence")
	flag.IntVar(&o.rounds, "rounds", 5, "how often; the median counts")
	flag.IntVar(&o.switches, "switches", 200, "of the fleet")
	flag.IntVar(&o.ports, "ports", 50, "of each switch")
	flag.DurationVar(&o.delay, "delay", 20*time.Millisecond, "of each answer, for slow")
	flag.Float64Var(&o.loss, "loss", 0.02, "of answers, for slow")
	flag.DurationVar(&o.gap, "gap", 500*time.Millisecond, "between ports, for sequence; a real shelf has seconds")
	flag.IntVar(&o.concurrency, "concurrency", 64, "switches looked at at a time")
	flag.BoolVar(&o.serve, "serve", false, "be the fake switches (the program starts itself so)")
	flag.Parse()
	if err := o.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (o *options) run(only string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if o.serve {
		return o.serveSwitches(ctx)
	}
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return err
	}
	runtime.GOMAXPROCS(1) // one core, for all clients alike
	for _, section := range []struct {
		name string
		run  func(context.Context) error
	}{{"status", o.status}, {"fleet", o.fleet}, {"slow", o.slow}, {"sequence", o.sequence}} {
		if !o.only.MatchString(section.name) {
			continue
		}
		if err := section.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
	}
	return nil
}
