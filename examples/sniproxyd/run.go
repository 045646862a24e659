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

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// Names of the listening sockets, from systemd (FileDescriptorName=) and in a
// hand-over.
const (
	socketTLS  = "tls"
	socketHTTP = "http"
	socketQUIC = "quic"
)

// proxy is the daemon's parts.
type proxy struct {
	*daemon.Daemon[config]
	set    *routes.Set
	server *sniproxy.Server
	quic   *quic.Server
	access *accessLog
	socks  []socket

	follower *routes.Follower // nil without etcd
	changes  prometheus.Counter
}

// socket is a socket, and what it is for.
type socket struct {
	name, addr string // addr as configured
	serve      func() error
	file       *os.File // a copy for the next process, since servers own theirs
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
	err := p.set.Replace(cfg.document) // without sites when they are in etcd
	if err != nil {
		return err
	}
	if p.access, err = openAccessLog(cfg.AccessLog, d.Log); err != nil {
		return err
	}
	defer p.access.close()
	engine, err := cfg.engine()
	if err != nil {
		return err
	}
	m := newMetrics(d.Metrics)
	observer := &sniproxy.Observer{
		Connection: func(r *sniproxy.Record) { m.connection(r); p.access.add(r) },
		Request:    func(r *sniproxy.Record) { m.request(r); p.access.add(r) },
		Dialled:    m.dialled,
	}
	limiter := cfg.limiter()
	p.server = &sniproxy.Server{
		Router: p.set, Guard: p.set.Guard, Trusted: cfg.Trusted, Forwarders: cfg.Trusted, Limiter: limiter, Timeouts: cfg.Timeouts.timeouts(),
		Engine: engine, Shards: cfg.Shards, Log: d.Log, Observer: observer,
	}
	p.quic = &quic.Server{
		Router: p.set, Guard: p.set.Guard, Limiter: limiter, Timeouts: cfg.Timeouts.quic(), Log: d.Log, Observer: observer,
	}
	d.Metrics.MustRegister(serverCollector{p.server, p.quic, cache})
	d.Handle("GET /sites", sitesPage(p.set))
	if cfg.Etcd.Set() {
		following, end := context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, end) // until it is served, nobody would miss it
		wait, err := p.withEtcd(following)
		if err != nil {
			end()
			return err
		}
		stop()
		defer func() {
			end()
			if err := wait(); err != nil {
				d.Log.Warn("etcd", "err", err)
			}
		}()
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := p.listen(ctx); err != nil {
		return err
	}
	return p.serve(ctx)
}

// withEtcd follows the routes in etcd, and says how that goes.
func (p *proxy) withEtcd(ctx context.Context) (wait func() error, err error) {
	p.changes = newChanges(p.Metrics)
	if wait, err = p.follow(ctx); err != nil {
		return nil, err
	}
	p.Metrics.MustRegister(followerCollector{p.follower})
	p.Note(func() string { return "routes: " + p.follower.Status().String() })
	return wait, nil
}

// listen opens the sockets, or takes them from systemd or the process before.
func (p *proxy) listen(ctx context.Context) error {
	cfg := p.Config()
	for _, kind := range []struct {
		name  string
		addrs []string
		open  func(ctx context.Context, name, addr string) (socket, error)
	}{{socketTLS, cfg.TLS, p.listenTCP}, {socketHTTP, cfg.HTTP, p.listenTCP}, {socketQUIC, cfg.QUIC, p.listenUDP}} {
		for _, addr := range kind.addrs {
			s, err := kind.open(ctx, kind.name, addr)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			s.name, s.addr = kind.name, addr
			p.socks = append(p.socks, s)
		}
	}
	return nil
}

// passedName is the name of a socket for this address that we may have been
// passed: by the process before, if there is one, which names them by address.
func passedName(name, addr string) string {
	if os.Getenv(readyVar) != "" {
		return handedName(name, addr)
	}
	return name
}

func (p *proxy) listenTCP(ctx context.Context, name, addr string) (socket, error) {
	l, err := p.Listen(ctx, passedName(name, addr), "tcp", addr)
	if err != nil {
		return socket{}, err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return socket{}, fmt.Errorf("%s is no TCP socket", l.Addr())
	}
	file, err := tcp.File()
	if err != nil {
		l.Close()
		return socket{}, err
	}
	p.Log.Info(name+" listens", "addr", l.Addr().String())
	serve := p.server.ServeTLS
	if name == socketHTTP {
		serve = p.server.ServeHTTP1
	}
	return socket{file: file, serve: func() error { return serve(l) }}, nil
}

func (p *proxy) listenUDP(ctx context.Context, name, addr string) (socket, error) {
	pc, err := p.ListenPacket(ctx, passedName(name, addr), "udp", addr)
	if err != nil {
		return socket{}, err
	}
	udp, ok := pc.(*net.UDPConn)
	if !ok {
		pc.Close()
		return socket{}, fmt.Errorf("%s is no UDP socket", pc.LocalAddr())
	}
	file, err := udp.File()
	if err != nil {
		pc.Close()
		return socket{}, err
	}
	p.Log.Info(name+" listens", "addr", pc.LocalAddr().String())
	return socket{file: file, serve: func() error { return p.quic.Serve(pc) }}, nil
}

// serve relays until ctx ends or the next process has taken over, and then lets
// connections end.
func (p *proxy) serve(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range p.socks {
		g.Go(func() error {
			if err := s.serve(); !errors.Is(err, sniproxy.ErrServerClosed) {
				return fmt.Errorf("%s %s: %w", s.name, s.addr, err)
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
			// Both read from one UDP socket, and each would take the other's.
			_ = p.quic.Close()
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
	var all errgroup.Group
	all.Go(func() error { return p.server.Shutdown(grace) })
	all.Go(func() error { return p.quic.Shutdown(grace) })
	err := all.Wait()
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
	if p.follower == nil {
		if err := p.set.Replace(cfg.document); err != nil {
			return err
		}
		p.Log.Info("routes", "sites", p.set.Len())
	}
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
