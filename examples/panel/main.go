// Command panel is a hosting company's control panel: the pages on which customers
// see and switch their Pis, domains and sites.
//
//	go run ./examples/panel -demo
//
// runs a whole company in one process, on loopback, and prints the address of its
// pages and who may log in. What stands in for hardware and for other companies are
// fakes that speak the real protocols; all else is the real thing. It needs no
// privilege and nothing installed. Interrupt it to end it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
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
	house  demo.Options
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
	if err := serveDemo(ctx, o, stdout); err != nil {
		fmt.Fprintln(stderr, "panel:", err)
		return exitFailed
	}
	return 0
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	verbose := false
	fs := flag.NewFlagSet("panel", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.BoolVar(&o.demo, "demo", false, "run a whole hosting company on loopback")
	fs.BoolVar(&o.house.Chaos, "chaos", false, "break things now and then, and see them heal")
	fs.StringVar(&o.listen, "listen", "127.0.0.1:8480", "`address` of the pages; port 0 takes a free one")
	fs.IntVar(&o.house.Pis, "pis", 8, "how many Pis the demo has")
	fs.Float64Var(&o.house.Speed, "speed", 1, "how fast the demo's Pis load; 1 is slow enough to watch")
	fs.BoolVar(&verbose, "v", false, "log what happens")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if verbose {
		o.house.Log = slog.New(slog.NewTextHandler(stderr, nil))
	}
	err := o.check()
	if fs.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "panel:", err)
	}
	return o, err
}

func (o options) check() error {
	switch {
	case o.house.Pis < 1 || o.house.Pis > demo.MaxPis:
		return fmt.Errorf("-pis %d is not between 1 and %d", o.house.Pis, demo.MaxPis)
	case !(o.house.Speed >= 0.1 && o.house.Speed <= 1000): // not a number either
		return fmt.Errorf("-speed %g is not between 0.1 and 1000", o.house.Speed)
	}
	return nil
}
