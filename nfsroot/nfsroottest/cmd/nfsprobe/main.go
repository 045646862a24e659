// Command nfsprobe asks a mounted file system how far it behaves like a local
// one: a line for each probe of package nfsroottest, and a summary.
//
//	nfsprobe DIR
//	nfsprobe -mount 10.77.0.1:/srv/pi1/root -options vers=3,proto=tcp,nolock,addr=10.77.0.1 DIR
//
// It exits with 1 if a probe failed that a root needs, and with 2 if it could
// not begin. Built with CGO_ENABLED=0 it runs in a guest that has nothing else.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"strings"

	"github.com/mythic-beasts/hostkit/nfsroot/nfsroottest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("nfsprobe", flag.ContinueOnError)
	fs.SetOutput(stderr)
	source := fs.String("mount", "", "mount this `SERVER:PATH` on DIR first")
	options := fs.String("options", "vers=3,proto=tcp,nolock", "mount `options`, as the kernel takes them")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if fs.NArg() != 1 {
		fmt.Fprintln(stderr, "nfsprobe: give one directory")
		return 2
	}
	dir := fs.Arg(0)
	if *source != "" {
		if err := mount(*source, dir, *options); err != nil {
			fmt.Fprintln(stderr, "nfsprobe:", err)
			return 2
		}
	}
	return report(stdout, nfsroottest.Probes(ctx, dir))
}

// report is greppable: one line each, whatever the error's text holds.
func report(w io.Writer, results iter.Seq[nfsroottest.Result]) int {
	var ok, failed, missing, skipped int
	for r := range results {
		fmt.Fprintln(w, strings.ReplaceAll(r.String(), "\n", "; "))
		switch {
		case r.Skipped != "":
			skipped++
		case r.Failed():
			failed++
		case r.Err != nil:
			missing++
		default:
			ok++
		}
	}
	fmt.Fprintf(w, "nfsprobe: %d ok, %d failed, %d optional missing, %d skipped\n", ok, failed, missing, skipped)
	if failed > 0 {
		return 1
	}
	return 0
}
