// Figures measures what relaying costs the proxy's own process, beside nginx and
// HAProxy in the same run. See README.md one folder up.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
)

type options struct {
	rounds        int
	only, proxies *regexp.Regexp
	conns, idle   int
	inside        bool
}

func main() {
	o := options{}
	var only, proxies string
	flag.IntVar(&o.rounds, "rounds", 5, "how often, in turns; the median counts")
	flag.StringVar(&only, "only", ".", "measure what `REGEXP` matches: raw, tls, first, ping, download, upload, idle, fds, half, left, http")
	flag.StringVar(&proxies, "proxies", ".", "measure those that `REGEXP` matches: ours, portable, nginx, haproxy")
	flag.IntVar(&o.conns, "conns", 4000, "connections of a round of raw")
	flag.IntVar(&o.idle, "idle", 5000, "idle connections")
	flag.BoolVar(&o.inside, "inside", false, "run in this network namespace (the program starts itself so)")
	flag.Parse()
	if err := o.run(only, proxies); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// test is one thing to measure. It returns the figure of one round.
type test struct {
	name, unit string
	// peer is whose figure ours is divided by, and goal what comes out at most.
	peer string
	goal float64
	run  func(context.Context, *lab, *proxy) (float64, error)
	http bool // needs a proxy for HTTP
}

func (o *options) tests() []test {
	return []test{
		{name: "raw", unit: "us CPU a connection", peer: "haproxy", goal: 0.9, run: o.raw},
		{name: "tls", unit: "us CPU a connection", peer: "nginx", goal: 0.95, run: o.tls},
		{name: "first", unit: "us to the first byte, median", peer: "nginx", goal: 1, run: o.first},
		{name: "ping", unit: "us added to a round trip, median", peer: "nginx", goal: 1, run: o.ping},
		{name: "download", unit: "s CPU a GiB", peer: "haproxy", goal: 0.2, run: o.download},
		{name: "upload", unit: "s CPU a GiB", peer: "haproxy", goal: 0.2, run: o.upload},
		{name: "idle", unit: "KiB a connection", peer: "haproxy", goal: 0, run: o.idleMemory},
		{name: "fds", unit: "descriptors a connection", peer: "haproxy", goal: 1, run: o.idleDescriptors},
		{name: "half", unit: "KiB a client that sent half a hello", peer: "haproxy", goal: 0, run: o.halfHello},
		{name: "left", unit: "descriptors left by 50,000 connections", peer: "", goal: 0, run: o.left},
		{name: "http", unit: "us CPU a request", peer: "nginx", goal: 1.3, run: o.http, http: true},
	}
}

func (o *options) run(only, proxies string) error {
	var err error
	if o.only, err = regexp.Compile(only); err != nil {
		return err
	}
	if o.proxies, err = regexp.Compile(proxies); err != nil {
		return err
	}
	if !o.inside {
		return runInside()
	}
	if err := prepareNamespace(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	l, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	for _, t := range o.tests() {
		if !o.only.MatchString(t.name) {
			continue
		}
		if err := o.measure(ctx, l, t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// measure runs a test with all proxies in turns, each started anew.
func (o *options) measure(ctx context.Context, l *lab, t test) error {
	figures := map[string][]float64{}
	var ratios []float64
	names := l.names(o.proxies, t.http)
	for range o.rounds {
		for _, name := range names {
			v, err := o.once(ctx, l, t, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			figures[name] = append(figures[name], v)
		}
		if n := len(figures["ours"]); n > 0 && len(figures[t.peer]) == n {
			ratios = append(ratios, figures["ours"][n-1]/figures[t.peer][n-1])
		}
	}
	var line strings.Builder
	fmt.Fprintf(&line, "%-9s %s:", t.name, t.unit)
	for _, name := range names {
		fmt.Fprintf(&line, " %s %.3g", name, median(figures[name]))
	}
	if len(ratios) > 0 {
		fmt.Fprintf(&line, "; ours / %s %.2f (%.2f to %.2f)", t.peer, median(ratios), slices.Min(ratios), slices.Max(ratios))
		if t.goal > 0 {
			fmt.Fprintf(&line, ", goal %.2f", t.goal)
		}
	}
	fmt.Println(line.String())
	return nil
}

func (o *options) once(ctx context.Context, l *lab, t test, name string) (float64, error) {
	p, err := l.start(ctx, name, t.http)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	v, err := t.run(ctx, l, p)
	if err != nil {
		err = fmt.Errorf("%w; it said: %q", err, l.said(name))
	}
	return v, err
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
