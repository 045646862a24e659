package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// Names of the listening sockets, from systemd (FileDescriptorName=) and in a
// hand-over.
const (
	socketTLS  = "tls"
	socketHTTP = "http"
)

// proxy is the daemon's parts.
type proxy struct {
	*daemon.Daemon[config]
	set    *routes.Set
	server *sniproxy.Server
	access *accessLog
	socks  []socket
}

// socket is a listener, and what it is for.
type socket struct {
	name, addr string // addr as configured
	net.Listener
	file *os.File // a copy for the next process, since the server owns the listener
}

// newSocket takes the listener.
func newSocket(name, addr string, l net.Listener) (socket, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return socket{}, fmt.Errorf("%s is no TCP socket", l.Addr())
	}
	file, err := tcp.File()
	if err != nil {
		l.Close()
	}
	return socket{name, addr, l, file}, err
}

func run(ctx context.Context, d *daemon.Daemon[config]) error {
	cfg := d.Config()
	cache := cfg.cache()
	if cache != nil {
		defer cache.Close()
	}
	p := &proxy{Daemon: d, set: cfg.set(cache)}
	p.set.Health = func(site string, addr netip.AddrPort, from, to backend.State) {
		d.Log.Info("server", "site", site, "addr", addr.String(), "from", from.String(), "to", to.String())
	}
	if err := p.set.Replace(cfg.document); err != nil {
		return err
	}
	var err error
	if p.access, err = openAccessLog(cfg.AccessLog, d.Log); err != nil {
		return err
	}
	defer p.access.close()
	engine, err := cfg.engine()
	if err != nil {
		return err
	}
	m := newMetrics(d.Metrics)
	p.server = &sniproxy.Server{
		Router: p.set, Guard: p.set.Guard, Trusted: cfg.Trusted, Limiter: cfg.limiter(), Timeouts: cfg.Timeouts.timeouts(),
		Engine: engine, Shards: cfg.Shards, Log: d.Log,
		Observer: &sniproxy.Observer{
			Connection: func(r *sniproxy.Record) { m.connection(r); p.access.add(r) },
			Request:    func(r *sniproxy.Record) { m.request(r); p.access.add(r) },
			Dialled:    m.dialled,
		},
	}
	d.Metrics.MustRegister(serverCollector{p.server, cache})
	d.Handle("GET /sites", sitesPage(p.set))
	if err := p.listen(ctx); err != nil {
		return err
	}
	return p.serve(ctx)
}

// listen opens the sockets, or takes them from systemd or the process before.
func (p *proxy) listen(ctx context.Context) error {
	cfg := p.Config()
	for _, kind := range []struct {
		name  string
		addrs []string
	}{{socketTLS, cfg.TLS}, {socketHTTP, cfg.HTTP}} {
		for _, addr := range kind.addrs {
			l, err := p.listenOne(ctx, kind.name, addr)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			p.Log.Info(kind.name+" listens", "addr", l.Addr().String())
			s, err := newSocket(kind.name, addr, l)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			p.socks = append(p.socks, s)
		}
	}
	return nil
}

// listenOne takes the socket of the process before for this address, if there is
// such a process and it had one.
func (p *proxy) listenOne(ctx context.Context, name, addr string) (net.Listener, error) {
	if os.Getenv(readyVar) != "" {
		name = handedName(name, addr)
	}
	return p.Listen(ctx, name, "tcp", addr)
}

// serve relays until ctx ends or the next process has taken over, and then lets
// connections end.
func (p *proxy) serve(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range p.socks {
		g.Go(func() error {
			serve := p.server.ServeTLS
			if s.name == socketHTTP {
				serve = p.server.ServeHTTP1
			}
			if err := serve(s.Listener); !errors.Is(err, sniproxy.ErrServerClosed) {
				return fmt.Errorf("%s %s: %w", s.name, s.Addr(), err)
			}
			return nil
		})
	}
	checks, endChecks := context.WithCancel(context.WithoutCancel(ctx))
	defer endChecks()
	g.Go(func() error { return p.set.Run(checks) })
	g.Go(func() error { return p.access.run(checks) })
	p.OnReload(p.reload)
	tellPredecessor(p.Log)
	p.Ready()
	g.Go(func() error {
		defer endChecks()
		select {
		case <-gctx.Done():
		case <-p.successor(gctx):
		}
		return p.drain(ctx)
	})
	return g.Wait()
}

// drain lets connections end, and closes those that do not.
func (p *proxy) drain(ctx context.Context) error {
	limit := time.Duration(p.Config().Timeouts.Drain)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	for _, s := range p.socks { // else clients wait there for nobody
		s.file.Close()
	}
	p.Log.Info("no new connections; those that are open may end", "within", limit)
	err := p.server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		p.Log.Warn("connections were closed that did not end", "within", limit)
		return nil
	}
	return err
}

// reload brings other routes into force, and opens the access log anew.
func (p *proxy) reload(cfg *config) error {
	if keys := p.Config().changed(cfg); len(keys) > 0 {
		return needsRestart(keys)
	}
	if err := p.set.Replace(cfg.document); err != nil {
		return err
	}
	p.Log.Info("routes", "sites", p.set.Len())
	return p.access.reopen()
}

// tellPredecessor lets the process that started this one go.
func tellPredecessor(log *slog.Logger) {
	path := os.Getenv(readyVar)
	if path == "" {
		return
	}
	_ = os.Unsetenv(readyVar)
	conn, err := net.Dial("unixgram", path)
	if err == nil {
		_, err = conn.Write([]byte("ready"))
		err = errors.Join(err, conn.Close())
	}
	if err != nil {
		log.Warn("the process before this one does not hear that it may go", "err", err)
	}
}
