package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/handover"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// keeper keeps a console.
type keeper struct {
	name string
	logs *conlog.Store
	out  io.Writer

	mu     sync.Mutex // guards what follows, and out
	spare  *os.File   // the open port once more: its Close by the console is no last one
	silent bool       // nothing was said since the port was opened
}

// opener opens a tty and shows what it opened.
type opener struct {
	tty.Config
	opened func(serialcon.Port)
}

func (o opener) Open(ctx context.Context) (serialcon.Port, error) {
	port, err := o.Config.Open(ctx)
	if err == nil {
		o.opened(port)
	}
	return port, err
}

// keep logs the console until ctx ends, or until it is to be replaced.
func (k *keeper) keep(ctx context.Context, replace <-chan os.Signal, device string) error {
	files, err := handover.Inherited()
	if err != nil {
		return err
	}
	l, err := k.logs.Open(k.name)
	if err != nil {
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-replace:
			cancel()
		case <-inner.Done():
		}
	})
	wg.Go(func() { _ = k.logs.Run(inner) }) // an error is the log's own event
	c := &serialcon.Console{
		Name: k.name, Log: l, Notify: k.event, Tap: k.tap,
		Port: opener{Config: tty.Config{Device: device, Inherited: files[k.name]}, opened: k.opened},
	}
	err = c.Run(inner)
	cancel()
	wg.Wait()
	if err = errors.Join(err, l.Close()); err != nil || ctx.Err() != nil {
		return err
	}
	return k.becomeNew()
}

// becomeNew executes this program anew. All that was read is in the log.
func (k *keeper) becomeNew() error {
	ports := map[string]syscall.Conn{}
	k.mu.Lock()
	if k.spare != nil {
		ports[k.name] = k.spare
	}
	k.mu.Unlock()
	k.say("replaced")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return handover.Exec(self, os.Args, os.Environ(), ports)
}

// opened makes the port outlive this process.
func (k *keeper) opened(port serialcon.Port) {
	conn, ok := port.(serialcon.Pollable)
	if !ok {
		return
	}
	if err := handover.Store(k.name, conn); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		k.say(err.Error())
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.silent = true
	_ = raw.Control(func(fd uintptr) {
		if fd, err := syscall.Dup(int(fd)); err == nil {
			syscall.CloseOnExec(fd)
			k.spare = os.NewFile(uintptr(fd), k.name)
		}
	})
}

// event prints an event. A port that is gone is let go of at once: who holds it
// keeps its name from the adapter that is plugged in again.
func (k *keeper) event(e serialcon.Event) {
	if e.Kind == serialcon.EventClosed {
		k.mu.Lock()
		if k.spare != nil {
			_ = k.spare.Close()
			k.spare = nil
		}
		k.mu.Unlock()
	}
	k.say(fmt.Sprintf("%s %q", e.Kind, e.Text))
}

// tap prints when the port says something for the first time.
func (k *keeper) tap(_ time.Time, p []byte) {
	k.mu.Lock()
	first := k.silent
	k.silent = false
	k.mu.Unlock()
	if first {
		k.say(fmt.Sprintf("first %d bytes", len(p)))
	}
}

// say prints a line with the seconds since the machine started.
func (k *keeper) say(text string) {
	uptime, _ := os.ReadFile("/proc/uptime")
	now, _, _ := strings.Cut(string(uptime), " ")
	k.mu.Lock()
	defer k.mu.Unlock()
	_, _ = fmt.Fprintf(k.out, "onecon: [%s] %s\n", now, text)
}
