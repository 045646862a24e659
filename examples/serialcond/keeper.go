package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/dial"
	"github.com/mythic-beasts/hostkit/serialcon/handover"
	"github.com/mythic-beasts/hostkit/serialcon/tty"
)

// keeper opens a console's port, and remembers what is open for the process
// that comes after this one.
type keeper struct {
	serialcon.Opener
	name string
	log  *slog.Logger

	mu        sync.Mutex // guards all below
	inherited *os.File   // of the process before this one, until the first Open
	port      serialcon.Port
}

// newKeeper takes the file, which may be nil.
func newKeeper(name string, o serialcon.Opener, inherited *os.File, log *slog.Logger) *keeper {
	k := &keeper{Opener: o, name: name, inherited: inherited, log: log}
	if t, ok := o.(tty.Config); ok && inherited != nil {
		t.Inherited = inherited // it closes the file
		k.Opener, k.inherited = t, nil
	}
	return k
}

// keepable reports whether the port's state is in its descriptor alone: not that
// of a protocol.
func (k *keeper) keepable() bool {
	switch k.Opener.(type) {
	case tty.Config, dial.TCP, dial.Unix:
		return true
	}
	return false
}

// Open is the Opener's, and tells the service manager.
func (k *keeper) Open(ctx context.Context) (serialcon.Port, error) {
	p, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	k.port = p
	k.mu.Unlock()
	if c, ok := p.(syscall.Conn); ok && k.keepable() {
		if err := handover.Store(k.name, c); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			k.log.Warn("a restart will lose bytes of this console", "console", k.name, "err", err)
		}
	}
	return p, nil
}

func (k *keeper) open(ctx context.Context) (serialcon.Port, error) {
	k.mu.Lock()
	file := k.inherited
	k.inherited = nil
	k.mu.Unlock()
	if file == nil {
		return k.Opener.Open(ctx)
	}
	defer file.Close()
	if !k.keepable() {
		return k.Opener.Open(ctx)
	}
	conn, err := net.FileConn(file)
	if err != nil {
		k.log.Warn("what the last process left cannot be used", "console", k.name, "err", err)
		return k.Opener.Open(ctx)
	}
	return conn, nil
}

// Await is the Opener's, if it has one.
func (k *keeper) Await(ctx context.Context) error {
	if a, ok := k.Opener.(serialcon.Awaiter); ok {
		return a.Await(ctx)
	}
	return fmt.Errorf("%s tells nothing: %w", k.Opener, errors.ErrUnsupported)
}

// keep returns a copy of the open port's descriptor, by which the kernel goes on
// to hold what the line says, or nil.
func (k *keeper) keep() *os.File {
	k.mu.Lock()
	c, ok := k.port.(syscall.Conn)
	k.mu.Unlock()
	if !ok || !k.keepable() {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	fd := -1
	err = raw.Control(func(from uintptr) { fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 3) })
	if err != nil || fd < 0 {
		return nil
	}
	return os.NewFile(uintptr(fd), k.name)
}
