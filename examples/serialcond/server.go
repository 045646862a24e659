package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/serialcon/handover"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

// drain is how long viewers and requests may take to end.
const drain = 5 * time.Second

// gcPercent keeps the heap of a daemon small that makes hardly any garbage.
const gcPercent = 25

// Names of the listening sockets, from systemd (FileDescriptorName=) and in a
// hand-over.
const (
	socketSSH  = "ssh"
	socketHTTP = "http"
)

// server is the daemon's parts.
type server struct {
	settings  Settings
	rack      *rack
	users     directory
	power     *command // nil without [power]
	audit     *auditLog
	log       *slog.Logger
	listeners map[string]net.Listener
	sockets   map[string]*os.File // copies of listeners for the next program, once it is asked for
}

// errHandover ends everything for the program that comes next.
var errHandover = errors.New("hand-over")

// runWith runs the daemon with the descriptors of the process before it.
func runWith(files map[string]*os.File) func(context.Context, *daemon.Daemon[config]) error {
	return func(ctx context.Context, d *daemon.Daemon[config]) error {
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(gcPercent)
		}
		cfg := d.Config()
		audit, err := openAudit(cfg.Audit, d.Log)
		if err != nil {
			return err
		}
		defer audit.close()
		s := &server{settings: cfg.Settings, log: d.Log, audit: audit, listeners: make(map[string]net.Listener)}
		if len(cfg.Power.Command) > 0 {
			s.power = &command{argv: cfg.Power.Command, timeout: durationOf(cfg.Power.Timeout)}
		}
		if err := s.users.replace(cfg.Users); err != nil {
			return err
		}
		if err := s.listen(ctx, d, files); err != nil {
			return err
		}
		return s.run(ctx, d, files)
	}
}

// listen opens the sockets that are configured, or takes those of the process
// before.
func (s *server) listen(ctx context.Context, d *daemon.Daemon[config], files map[string]*os.File) error {
	for name, addr := range map[string]string{socketSSH: s.settings.SSH.Listen, socketHTTP: s.settings.HTTP.Listen} {
		file := files[name]
		delete(files, name)
		if addr == "" {
			file.Close()
			continue
		}
		var l net.Listener
		var err error
		if file != nil {
			l, err = net.FileListener(file)
			file.Close()
		} else {
			l, err = d.Listen(ctx, name, "tcp", addr)
		}
		if err != nil {
			return fmt.Errorf("%s.listen: %w", name, err)
		}
		s.log.Info(name+" listens", "addr", l.Addr().String())
		s.listeners[name] = l
	}
	return nil
}

// run runs all parts until ctx ends or the next program is to go on.
func (s *server) run(ctx context.Context, d *daemon.Daemon[config], files map[string]*os.File) error {
	// Consoles end last, so that what they say meanwhile is logged.
	consoles, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s.rack = newRack(consoles, &s.settings, s.log)
	s.rack.inherited = files
	s.rack.hook = newMatchHook(s.settings.Watch, s.log)
	s.rack.counts = newEventCounter(d.Metrics)
	var err error
	if s.rack.shipper, err = newShipper(s.settings.Ship, s.log); err != nil {
		return err
	}
	d.Metrics.MustRegister(consoleCollector{s.rack})
	stored, stopStore := s.background(consoles)
	defer stopStore()
	if err := s.rack.apply(d.Config().Consoles); err != nil {
		return errors.Join(err, s.rack.stop())
	}
	s.dropUnused()
	debug.FreeOSMemory() // what starting took
	d.OnReload(s.reload)
	err = s.serve(ctx, d)
	kept := s.keepFor(err)
	err = errors.Join(notHandover(err), s.rack.stop())
	stopStore()
	if serr := stored(); err == nil {
		err = serr
	}
	if kept == nil {
		return err
	}
	if err != nil {
		s.log.Error("before the hand-over", "err", err)
	}
	return s.exec(kept)
}

// background runs what keeps logs durable, ships them and runs hooks. stop ends
// it, and wait then says what went wrong.
func (s *server) background(ctx context.Context) (wait func() error, stop func()) {
	ctx, stop = context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ended(s.rack.store.Run(ctx)) })
	g.Go(func() error { return s.rack.ticks(ctx) })
	if s.rack.shipper != nil {
		g.Go(func() error { return s.rack.shipper.run(ctx) })
	}
	if s.rack.hook != nil {
		g.Go(func() error { return s.rack.hook.run(ctx) })
	}
	return g.Wait, stop
}

// ended makes nothing of an end that was asked for.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// closed makes nothing of the end of a server that was told to.
func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, sshd.ErrShutdown) {
		return nil
	}
	return err
}

// serve lets people in until ctx ends, or SIGUSR2 asks for a hand-over.
func (s *server) serve(ctx context.Context, d *daemon.Daemon[config]) error {
	g, ctx := errgroup.WithContext(ctx)
	if l := s.listeners[socketSSH]; l != nil {
		g.Go(func() error { return s.serveSSH(ctx, l) })
	}
	if l := s.listeners[socketHTTP]; l != nil {
		g.Go(func() error { return s.serveHTTP(ctx, l) })
	}
	upgrade := make(chan os.Signal, 1)
	signal.Notify(upgrade, syscall.SIGUSR2)
	defer signal.Stop(upgrade)
	g.Go(func() error {
		select {
		case <-upgrade:
			s.keepSockets() // whoever connects meanwhile waits
			return errHandover
		case <-ctx.Done():
			return nil
		}
	})
	d.Ready()
	return g.Wait()
}

// reload brings another configuration's users and consoles into force.
func (s *server) reload(cfg *config) error {
	if keys := s.settings.changed(&cfg.Settings); len(keys) > 0 {
		return fmt.Errorf("only users and consoles can change while the server runs; restart it for a new %s", strings.Join(keys, ", "))
	}
	if err := s.users.replace(cfg.Users); err != nil {
		return err
	}
	return s.rack.apply(cfg.Consoles)
}

// dropUnused closes descriptors of consoles that are not configured any more.
func (s *server) dropUnused() {
	for name, file := range s.rack.inherited {
		s.log.Info("a port of the last process is not configured any more", "console", name)
		file.Close()
		_ = handover.Forget(name) // without a manager there is nobody to tell
	}
	s.rack.inherited = nil
}

// keepFor holds what the next program gets open, if there is to be one: the last
// close of a descriptor is what loses bytes.
func (s *server) keepFor(err error) map[string]*os.File {
	if !errors.Is(err, errHandover) {
		return nil
	}
	files := s.rack.keep()
	maps.Copy(files, s.sockets)
	return files
}

// keepSockets copies the listening sockets before they are closed.
func (s *server) keepSockets() {
	s.sockets = make(map[string]*os.File)
	for name, l := range s.listeners {
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			s.log.Warn("the next program listens anew", "socket", name, "err", err)
			continue
		}
		s.sockets[name] = f
	}
}

func notHandover(err error) error {
	if errors.Is(err, errHandover) {
		return nil
	}
	return err
}

// exec makes this process the program that is installed now.
func (s *server) exec(kept map[string]*os.File) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	ports := make(map[string]syscall.Conn, len(kept))
	for name, file := range kept {
		ports[name] = file
	}
	s.log.Info("the program that is installed now goes on", "path", path, "ports", len(ports))
	return handover.Exec(path, os.Args, os.Environ(), ports)
}
