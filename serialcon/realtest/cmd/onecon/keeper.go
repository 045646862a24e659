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

	mu     sync.Mutex         // guards what follows, and out
	port   serialcon.Pollable // opened last
	silent bool               // nothing was said since
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
	ports := map[string]syscall.Conn{}
	wg.Go(func() {
		select {
		case <-replace:
			if file := k.copy(); file != nil {
				ports[k.name] = file // so that the console's Close is not the last one
			}
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
	k.say("replaced")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return handover.Exec(self, os.Args, os.Environ(), ports)
}

// copy is one more descriptor of the open port, or nil.
func (k *keeper) copy() (file *os.File) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.port == nil {
		return nil
	}
	raw, err := k.port.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) { // fails for a port that is closed
		if fd, err := syscall.Dup(int(fd)); err == nil {
			syscall.CloseOnExec(fd)
			file = os.NewFile(uintptr(fd), k.name)
		}
	})
	return file
}

// opened gives the port to the manager, if there is one.
func (k *keeper) opened(port serialcon.Port) {
	conn, ok := port.(serialcon.Pollable)
	if !ok {
		return
	}
	if err := handover.Store(k.name, conn); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		k.say(err.Error())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.port, k.silent = conn, true
}

// event prints an event.
func (k *keeper) event(e serialcon.Event) { k.say(fmt.Sprintf("%s %q", e.Kind, e.Text)) }

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
