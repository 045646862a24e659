// Bench measures how long a change of one site among many in etcd takes until it is in
// force on several proxies, each of which follows all sites in a process of its own.
//
//	go run ./sniproxy/etcdstore/bench -endpoints http://127.0.0.1:2379
//
// README.md beside this file says how to run it, and what it printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/etcdstore"
)

// options are those of both kinds of process.
type options struct {
	endpoints       string
	prefix          string
	sites, proxies  int
	changes, warmUp int
	every           time.Duration
	follow          bool
	out             io.Writer // of the figures
}

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.endpoints, "endpoints", "http://127.0.0.1:2379", "members of etcd, `URL,URL`")
	flag.StringVar(&o.prefix, "prefix", "/bench/", "`PREFIX` of keys, below which all is deleted")
	flag.IntVar(&o.sites, "sites", 100_000, "how many sites there are")
	flag.IntVar(&o.proxies, "proxies", 8, "how many processes follow")
	flag.IntVar(&o.changes, "changes", 1000, "how many changes are measured")
	flag.IntVar(&o.warmUp, "warm", 20, "how many are made before")
	flag.DurationVar(&o.every, "every", 20*time.Millisecond, "time from one change to the next")
	flag.BoolVar(&o.follow, "follow", false, "be one of the proxies")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	work := measure
	if o.follow {
		work = follow
	}
	if err := work(ctx, o); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func (o options) store() (*etcdstore.Store, error) {
	return etcdstore.New(etcdstore.Options{Endpoints: strings.Split(o.endpoints, ","), Prefix: o.prefix})
}
