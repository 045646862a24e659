// Build measures how long it takes to build a root when no package has to come
// from far away: this repository's builder, mmdebstrap and debootstrap, in turn,
// with the same packages from the same mirror on loopback, which keeps what it
// fetched once. It prints the medians, and the median of the ratios of each
// round.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
	"github.com/mythic-beasts/hostkit/nfsroot/build"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	suite := flag.String("suite", "bookworm", "Debian release")
	rounds := flag.Int("rounds", 3, "rounds that count, after one that warms up")
	dir := flag.String("dir", os.TempDir(), "folder to build in")
	upstream := flag.String("upstream", "http://deb.debian.org", "where the mirror's files come from")
	flag.Parse()

	work, err := os.MkdirTemp(*dir, "bench-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: &mirror{upstream: *upstream, dir: filepath.Join(work, "mirror")}, ReadHeaderTimeout: time.Minute}
	go server.Serve(ln) //nolint:errcheck // it ends with the program
	defer server.Close()

	b := &bench{url: "http://" + ln.Addr().String(), suite: *suite, work: work}
	fmt.Printf("%s, %d rounds\n", *suite, *rounds)
	var ours, mm, de []time.Duration
	for i := range *rounds + 1 {
		took := make(map[string]time.Duration)
		for name, fn := range map[string]func(context.Context, string) error{"ours": b.ours, "mmdebstrap": b.mmdebstrap, "debootstrap": b.debootstrap} {
			out := filepath.Join(work, name)
			begin := time.Now()
			if err := fn(ctx, out); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			took[name] = time.Since(begin)
			if err := exec.CommandContext(ctx, "rm", "-rf", "--one-file-system", out).Run(); err != nil {
				return err
			}
		}
		fmt.Printf("round %d: ours %.1f s, mmdebstrap %.1f s, debootstrap %.1f s\n",
			i, took["ours"].Seconds(), took["mmdebstrap"].Seconds(), took["debootstrap"].Seconds())
		if i > 0 {
			ours, mm, de = append(ours, took["ours"]), append(mm, took["mmdebstrap"]), append(de, took["debootstrap"])
		}
	}
	fmt.Printf("median: ours %.1f s = %.2f x mmdebstrap, %.2f x debootstrap\n",
		median(seconds(ours)), median(ratios(ours, mm)), median(ratios(ours, de)))
	return nil
}

type bench struct{ url, suite, work string }

func (b *bench) spec() nfsroot.Spec {
	spec := nfsroot.Minimal(b.suite, nfsroot.AMD64)
	spec.Mirrors = []nfsroot.Mirror{{URL: b.url + "/debian"}}
	return spec
}

func (b *bench) ours(ctx context.Context, out string) error {
	builder := &build.Builder{CacheDir: filepath.Join(b.work, "cache"), MaxAge: -1}
	_, err := builder.Build(ctx, b.spec(), out)
	return err
}

func (b *bench) packages() string { return strings.Join(b.spec().Packages, ",") }

func (b *bench) mmdebstrap(ctx context.Context, out string) error {
	return quietly(ctx, "mmdebstrap", "--mode=root", "--variant=minbase", "--include="+b.packages(),
		"--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", b.suite, out, "deb "+b.url+"/debian "+b.suite+" main")
}

func (b *bench) debootstrap(ctx context.Context, out string) error {
	cache := filepath.Join(b.work, "debs")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	return quietly(ctx, "debootstrap", "--variant=minbase", "--cache-dir="+cache, "--include="+b.packages(), b.suite, out, b.url+"/debian")
}

func quietly(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func seconds(all []time.Duration) []float64 {
	var s []float64
	for _, d := range all {
		s = append(s, d.Seconds())
	}
	return s
}

func ratios(a, b []time.Duration) []float64 {
	var r []float64
	for i := range a {
		r = append(r, a[i].Seconds()/b[i].Seconds())
	}
	return r
}

func median(v []float64) float64 {
	slices.Sort(v)
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}
