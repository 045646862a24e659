//go:build linux

// Tftp is a TFTP load client for measuring servers: it reads files by RFC 1350
// with the options of RFC 2348 and RFC 7440, many at a time if asked, compares
// every byte, and prints one line of figures.
//
//	tftp -addr 10.0.0.1:69 -file big.bin -want /srv/big.bin -blksize 1428 -window 16
//
// With -patience it behaves as bootcode.bin of a Raspberry Pi: it never sends
// anything again, and a file that brings no packet for so long fails the boot.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	var (
		g     get
		addr  = flag.String("addr", "127.0.0.1:69", "server's `address`")
		files = flag.String("file", "file", "`names` of the files to read, one after the other, with commas between")
		want  = flag.String("want", "", "`directory` with the same files, to compare with")
		n     = flag.Int("n", 1, "clients at a time")
		boots = flag.Int("boots", 1, "times that each client reads all the files")
	)
	flag.IntVar(&g.blksize, "blksize", 0, "blksize option, 0 none")
	flag.IntVar(&g.window, "window", 0, "windowsize option, 0 none")
	flag.DurationVar(&g.timeout, "timeout", time.Second, "send the last packet again after this long without one")
	flag.DurationVar(&g.patience, "patience", 0, "never send again, and fail after this long without a packet")
	flag.DurationVar(&g.limit, "limit", 2*time.Minute, "fail a file after this long")
	flag.Parse()

	var err error
	if g.server, err = netip.ParseAddrPort(*addr); err != nil {
		fatal(err)
	}
	names := strings.Split(*files, ",")
	contents := make(map[string][]byte)
	for _, name := range names {
		if *want != "" {
			if contents[name], err = os.ReadFile(*want + "/" + name); err != nil {
				fatal(err)
			}
		}
	}
	if !report(runAll(g, names, contents, *n, *boots)) {
		os.Exit(1)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "tftp:", err)
	os.Exit(2)
}

// totals is what all clients did together.
type totals struct {
	wall       time.Duration
	each       []time.Duration // of every boot
	bytes      int64
	timeouts   int
	duplicates int
	ok, failed int // boots
	err        error
}

// runAll has n clients read all files, boots times each.
func runAll(g get, names []string, contents map[string][]byte, n, boots int) *totals {
	var (
		t  totals
		mu sync.Mutex
		wg sync.WaitGroup
	)
	start := time.Now()
	for range n {
		wg.Go(func() {
			for range boots {
				began := time.Now()
				r, err := boot(g, names, contents)
				mu.Lock()
				t.add(r, time.Since(began), err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.wall = time.Since(start)
	return &t
}

func boot(g get, names []string, contents map[string][]byte) (all result, err error) {
	for _, name := range names {
		f := g
		f.name, f.want = name, contents[name]
		r, err := f.run()
		all.bytes += r.bytes
		all.timeouts += r.timeouts
		all.duplicates += r.duplicates
		if err != nil {
			return all, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func (t *totals) add(r result, took time.Duration, err error) {
	t.bytes += r.bytes
	t.timeouts += r.timeouts
	t.duplicates += r.duplicates
	t.each = append(t.each, took)
	if err != nil {
		t.failed++
		t.err = err
	} else {
		t.ok++
	}
}

// report prints the figures and reports whether all went well.
func report(t *totals) bool {
	slices.Sort(t.each)
	var out bytes.Buffer
	fmt.Fprintf(&out, "mbps=%.2f wall=%.3f median=%.3f max=%.3f ok=%d failed=%d timeouts=%d duplicates=%d",
		float64(t.bytes)/1e6/t.wall.Seconds(), t.wall.Seconds(), t.each[len(t.each)/2].Seconds(), t.each[len(t.each)-1].Seconds(),
		t.ok, t.failed, t.timeouts, t.duplicates)
	if t.err != nil {
		fmt.Fprintf(&out, " err=%q", t.err)
	}
	fmt.Println(out.String())
	return t.failed == 0
}
