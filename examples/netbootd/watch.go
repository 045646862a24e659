package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/term"
)

const (
	redialEvery = time.Second
	redrawEvery = 100 * time.Millisecond
)

// watcher shows the boots that a status socket tells of.
type watcher struct {
	socket   string
	until    string   // stage to wait for; "" waits for ever
	machines []string // empty: all
	show     display
	stages   map[string]string // latest, by machine
}

// display is how boots are shown.
type display interface {
	update(status)
	draw()
}

func watchMain(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("netbootd watch", flag.ContinueOnError)
	flags.SetOutput(stderr)
	w := &watcher{stages: make(map[string]string)}
	flags.StringVar(&w.socket, "socket", defaultStatus, "status socket of the daemon: `PATH`")
	flags.StringVar(&w.until, "until", "", "end when all the machines named are in `STAGE`, such as up")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	w.machines = flags.Args()
	if w.until != "" && len(w.machines) == 0 {
		fmt.Fprintln(stderr, "netbootd watch: -until needs the names of machines")
		return exitUsage
	}
	w.show = newDisplay(stdout)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := w.run(ctx); err != nil {
		fmt.Fprintln(stderr, "netbootd watch:", err)
		return exitFail
	}
	return exitOK
}

// newDisplay draws a table on a terminal, and writes lines to anything else.
func newDisplay(stdout io.Writer) display {
	if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &table{out: f, size: func() (width, height int) {
			width, height, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80, 24
			}
			return width, height
		}}
	}
	return &lines{out: stdout}
}

// run shows boots until ctx ends or what is waited for has come. A daemon that
// is not there is an error; one that goes away while it is watched is waited
// for.
func (w *watcher) run(ctx context.Context) error {
	for first := true; ; first = false {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", w.socket)
		if err != nil && ctx.Err() == nil && first {
			return fmt.Errorf("%w; does netbootd run, and may you use its socket?", err)
		}
		if err == nil {
			done, err := w.follow(ctx, conn)
			if done || err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(redialEvery):
		}
	}
}

// follow shows one connection's lines until it ends; done says that no other
// is needed.
func (w *watcher) follow(ctx context.Context, conn net.Conn) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer conn.Close()
	in := make(chan status)
	failed := make(chan error, 1)
	go func() {
		defer close(in)
		failed <- read(ctx, conn, in)
	}()
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return true, nil
		case <-tick.C:
			w.show.draw()
		case s, ok := <-in:
			if !ok {
				return false, <-failed
			}
			if w.take(s) {
				w.show.draw()
				return true, nil
			}
		}
	}
}

// read passes the lines of conn on until it ends, which is no error.
func read(ctx context.Context, conn io.Reader, in chan<- status) error {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		var s status
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return fmt.Errorf("status socket sent what is no status: %w", err)
		}
		select {
		case in <- s:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// take shows s, and reports whether everything waited for has come.
func (w *watcher) take(s status) bool {
	if len(w.machines) > 0 && !slices.Contains(w.machines, s.Machine) {
		return false
	}
	w.show.update(s)
	w.stages[s.Machine] = s.Stage
	if w.until == "" {
		return false
	}
	return !slices.ContainsFunc(w.machines, func(name string) bool { return w.stages[name] != w.until })
}
