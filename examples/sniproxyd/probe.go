package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/probe"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// checkMain asks the servers of sites whether they take the PROXY header that
// they get.
func checkMain(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("sniproxyd check", flag.ContinueOnError)
	fs.SetOutput(stderr)
	path := fs.String("config", "/etc/sniproxyd.toml", "read the configuration from `FILE`")
	if err := fs.Parse(args); err != nil {
		return exitUsage
	}
	cfg, err := daemon.Load(*path, (*config).check)
	if err != nil {
		fmt.Fprintf(stderr, "sniproxyd check: %v\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if cfg.Etcd.Set() {
		if cfg.document, err = cfg.Etcd.sites(ctx); err != nil {
			fmt.Fprintf(stderr, "sniproxyd check: %v\n", err)
			return exitUsage
		}
	}
	c := &checker{cfg: cfg, out: stdout, prober: &probe.Prober{Check: cfg.guard().Check}, cache: cfg.cache()}
	good, err := c.sites(ctx, fs.Args())
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "sniproxyd check: %v\n", err)
		return exitUsage
	case !good:
		return exitFail
	}
	return exitOK
}

type checker struct {
	cfg    *config
	prober *probe.Prober
	cache  *backend.Cache
	out    io.Writer
}

// sites checks those that are named, or all.
func (c *checker) sites(ctx context.Context, names []string) (good bool, err error) {
	good = true
	left := slices.Clone(names)
	for _, s := range c.cfg.document.Sites {
		at := slices.IndexFunc(left, func(n string) bool { return s.Name == n || slices.Contains(s.Names, n) })
		if len(names) > 0 && at < 0 {
			continue
		}
		if at >= 0 {
			left = slices.Delete(left, at, at+1)
		}
		ok, err := c.site(ctx, s)
		if err != nil {
			return false, err
		}
		good = good && ok
	}
	if len(left) > 0 {
		return false, fmt.Errorf("no site is called %q", left[0])
	}
	return good, nil
}

func (c *checker) site(ctx context.Context, s routes.Site) (good bool, err error) {
	good = true
	name := probeName(s)
	addrs, err := c.addrs(ctx, s, name)
	if err != nil {
		fmt.Fprintf(c.out, "%s: %v\n", name, err)
		return false, nil
	}
	for _, kind := range []struct {
		proto       probe.Protocol
		port, usual int
	}{{probe.HTTP, s.HTTPPort, 80}, {probe.TLS, s.TLSPort, 443}} {
		if kind.port < 0 {
			continue
		}
		port := kind.usual
		if kind.port > 0 {
			port = kind.port
		}
		for _, a := range addrs {
			report, err := c.prober.Probe(ctx, netip.AddrPortFrom(a, uint16(port)), kind.proto, name)
			if err != nil {
				return false, err
			}
			good = c.tell(s, report) && good
		}
	}
	return good, nil
}

// addrs are the site's servers.
func (c *checker) addrs(ctx context.Context, s routes.Site, name string) (addrs []netip.Addr, err error) {
	for _, b := range s.Backends {
		addrs = append(addrs, b.Addr)
	}
	if s.Lookup == "" {
		return addrs, nil
	}
	host := s.Lookup
	if host == "*" {
		host = name
	}
	if host == "" {
		return nil, errors.New("has no name that could be looked up")
	}
	return c.cache.Lookup(ctx, host, netip.IPv6Loopback())
}

// probeName is what servers are asked for.
func probeName(s routes.Site) string {
	for _, n := range s.Names {
		if !strings.HasPrefix(n, "*.") {
			return n
		}
	}
	return ""
}

// tell says what was found, and what to do about it.
func (c *checker) tell(s routes.Site, r *probe.Report) bool {
	advice := r.Advise(s.Proxy)
	verdict := "good"
	if !advice.OK {
		verdict = "BAD"
	}
	fmt.Fprintf(c.out, "%s %v %v: %s, proxy = %q: %s\n", r.Name, r.Protocol, r.Addr, verdict, s.Proxy, r.Summary())
	if advice.OK {
		return true
	}
	fmt.Fprintf(c.out, "  %s\n", advice.Text)
	for _, m := range advice.Remedies {
		fmt.Fprintf(c.out, "  remedy: %s\n", m)
	}
	for _, l := range advice.Logs {
		fmt.Fprintf(c.out, "  in %s's %s: %s\n", l.Program, l.Log, l.Find)
	}
	return false
}

// explainMain reads lines of logs.
func explainMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintln(stderr, "sniproxyd explain: lines of a log are read from standard input")
		return exitUsage
	}
	seen := map[string]bool{}
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		d, ok := probe.Explain(lines.Text())
		if !ok || seen[d.Text] {
			continue
		}
		seen[d.Text] = true
		fmt.Fprintf(stdout, "%s\n", d.Text)
		for _, m := range d.Remedies {
			fmt.Fprintf(stdout, "  remedy: %s\n", m)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintf(stderr, "sniproxyd explain: %v\n", err)
		return exitFail
	}
	if len(seen) == 0 {
		fmt.Fprintln(stdout, "nothing about the PROXY protocol")
		return exitFail
	}
	return exitOK
}
