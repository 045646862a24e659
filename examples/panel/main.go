// Command panel is a customer's control panel, in its first form: a page on
// which a shelf of Raspberry Pis boots, live.
//
//	go run ./examples/panel -demo
//
// prints the page's address. The Pis are simulated; the DHCP server, the TFTP
// server and the tracker that they boot through are the real ones, on loopback.
// It needs no privilege and nothing installed. Interrupt it to end it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	demo   bool
	listen string
	shelf  shelfConfig
}

// The exit codes: 1 is a failure, 2 a wrong use.
const (
	exitFailed = 1
	exitUsage  = 2
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage // the flag package has said why
	case !o.demo:
		fmt.Fprintln(stderr, "panel: this release has the demo only: run it with -demo")
		return exitUsage
	}
	if err := demo(ctx, o, stdout); err != nil {
		fmt.Fprintln(stderr, "panel:", err)
		return exitFailed
	}
	return 0
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("panel", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.BoolVar(&o.demo, "demo", false, "boot a simulated shelf of Pis on loopback")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:8480", "`address` of the page; port 0 takes a free one")
	fs.IntVar(&o.shelf.pis, "pis", 12, "how many Pis the demo has")
	fs.Float64Var(&o.shelf.speed, "speed", 1, "how fast the demo's Pis load; 1 is slow enough to watch")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	err := o.shelf.validate()
	if fs.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "panel:", err)
	}
	return o, err
}

// demo serves the page and runs the shelf until ctx ends.
func demo(ctx context.Context, o options, stdout io.Writer) error {
	s, err := newShelf(o.shelf)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("cannot serve the page, choose another address with -listen: %w", err)
	}
	site, err := newSite(s.board, s)
	if err != nil {
		l.Close()
		return err
	}
	fmt.Fprintf(stdout, "http://%s/\n", l.Addr())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.run(ctx) })
	g.Go(func() error { return site.serve(ctx, l) })
	return g.Wait()
}
