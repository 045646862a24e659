// Command onecon keeps one console in a log, as a daemon does, and can be
// replaced while it reads:
//
//	onecon -name pi-042 -device /dev/ttyS1 -dir /var/log/consoles
//
// By SIGHUP it becomes a new process of the same program, which goes on with the
// open port. Under systemd with FileDescriptorStoreMax= the manager keeps the
// port over restarts and crashes. It prints each event of the console.
//
// Afterwards
//
//	onecon -name pi-042 -dir /var/log/consoles -check HOST
//
// tells what of the lines of a serialcontest.Host is in the log. Such a host is
//
//	onecon -say HOST -lines 1000
//
// Built with CGO_ENABLED=0 it runs in a guest that has nothing else.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	replace := make(chan os.Signal, 1)
	signal.Notify(replace, syscall.SIGHUP)
	err := run(ctx, replace, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "onecon:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, replace <-chan os.Signal, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("onecon", flag.ContinueOnError)
	name := fs.String("name", "console", "the console's `name`")
	device := fs.String("device", "", "the tty: a path, or a name by id or by path")
	dir := fs.String("dir", ".", "the `folder` of logs")
	host := fs.String("check", "", "say what of this `host`'s lines is in the log")
	say := fs.String("say", "", "print lines of this `host`")
	lines := fs.Int64("lines", 1000, "how many")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *say != "" {
		return speak(out, *say, *lines)
	}
	logs := &conlog.Store{Dir: *dir}
	if *host != "" {
		return check(ctx, logs, *name, *host, out)
	}
	k := &keeper{name: *name, logs: logs, out: out}
	return k.keep(ctx, replace, *device)
}

// speak prints lines of a host.
func speak(out io.Writer, name string, lines int64) error {
	host := serialcontest.Host{Name: name}
	for n := range lines {
		if _, err := out.Write(host.Line(n)); err != nil {
			return err
		}
	}
	return nil
}

// check reads a log and judges the lines of a host in it.
func check(ctx context.Context, logs *conlog.Store, name, host string, out io.Writer) error {
	r, err := logs.Reader(name)
	if err != nil {
		return err
	}
	v := serialcontest.Verifier{Name: host}
	err = r.Raw(ctx, time.Time{}, func(c conlog.Chunk) error {
		_, err := v.Write(c.Data)
		return err
	})
	if err != nil {
		return fmt.Errorf("read the log of %s: %w", name, err)
	}
	_, err = fmt.Fprintf(out, "onecon: %s, next is %d\n", &v, v.Next())
	return err
}
