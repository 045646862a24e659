// Reader reads and logs the consoles whose ttys are in a folder: what a daemon
// is without its ways in.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: reader TTYS LOGS [stalled]")
		stop()
		os.Exit(2)
	}
	if err := read(ctx, os.Args[1], os.Args[2], len(os.Args) > 3); err != nil {
		fmt.Fprintln(os.Stderr, "reader:", err)
		stop()
		os.Exit(1)
	}
}

// read reads the consoles; each has a viewer that never reads, if stalled.
func read(ctx context.Context, ttys, dir string, stalled bool) error {
	debug.SetGCPercent(25) // it makes next to no garbage
	entries, err := os.ReadDir(ttys)
	if err != nil {
		return err
	}
	logs := &conlog.Store{Dir: dir}
	engine := new(serialcon.Engine)
	errs := make([]error, len(entries)+1)
	var wg sync.WaitGroup
	for i, e := range entries {
		l, err := logs.Open(e.Name())
		if err != nil {
			return err
		}
		port := tty.Config{Device: filepath.Join(ttys, e.Name())}
		c := &serialcon.Console{Name: e.Name(), Port: port, Log: l, Engine: engine}
		if stalled {
			if _, err := c.Attach(ctx, serialcon.AttachOptions{Who: "stalled"}); err != nil {
				return err
			}
		}
		wg.Go(func() { errs[i] = errors.Join(c.Run(ctx), l.Close()) })
	}
	time.AfterFunc(time.Second, debug.FreeOSMemory) // what opening them all took
	errs[len(entries)] = logs.Run(ctx)
	wg.Wait()
	return errors.Join(errs...)
}
