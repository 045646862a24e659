package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/probe"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// web is the IPv4→IPv6 proxy and the sites behind it.
type web struct {
	options  Options
	news     *news
	certs    *certs
	sites    []*site
	byName   map[string]*site
	guard    backend.Guard
	table    sniproxy.Table
	server   *sniproxy.Server
	listener net.Listener
	addr     netip.AddrPort // where clients come in

	changing sync.Mutex // held while the table is made anew
}

// site is one site behind the proxy.
type site struct {
	name, owner string
	names       []string
	origins     []*origin

	mu      sync.Mutex // guards all below
	header  model.ProxyHeader
	pool    *backend.Pool
	anew    chan struct{} // closed when pool is replaced
	drained map[netip.AddrPort]bool
	verdict model.Verdict
}

var versions = map[model.ProxyHeader]proxyheader.Version{
	model.NoHeader: proxyheader.Off, model.V1: proxyheader.V1, model.V2: proxyheader.V2,
}

// openWeb has all servers, and the proxy, listen.
func openWeb(ctx context.Context, o Options, n *news, c *certs) (*web, error) {
	w := &web{options: o, news: n, certs: c, byName: make(map[string]*site)}
	stopgap, err := newStopgap()
	if err != nil {
		return nil, err
	}
	w.guard = backend.Guard{Loopback: true, Allow: []netip.Prefix{netip.MustParsePrefix("::1/128")}}
	for _, d := range c.registry.domains {
		s := &site{name: "www." + d.name, owner: d.owner, names: []string{"www." + d.name, d.name}, header: model.NoHeader}
		expects := d.owner == "alice"
		if expects {
			s.header = model.V1
		}
		w.sites = append(w.sites, s)
		w.byName[s.name] = s
		for i := range 2 {
			b := &origin{name: fmt.Sprintf("%s, server %d", s.name, i+1), expects: expects, config: serverTLS(c, stopgap)}
			if err := b.open(ctx); err != nil {
				w.close()
				return nil, err
			}
			s.origins = append(s.origins, b)
			w.guard.Ports = append(w.guard.Ports, b.addr.Port())
		}
		w.newPool(s)
	}
	if w.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0"); err != nil {
		w.close()
		return nil, fmt.Errorf("demo: the proxy: %w", err)
	}
	w.addr = w.listener.Addr().(*net.TCPAddr).AddrPort()
	w.server = &sniproxy.Server{Router: &w.table, Guard: &w.guard, Log: o.Log}
	if err := w.route(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *web) close() {
	for _, s := range w.sites {
		for _, b := range s.origins {
			b.die()
		}
	}
	if w.listener != nil {
		_ = w.listener.Close()
	}
}

// newPool gives a site a new set of servers, all of them well, that are checked behind
// the header which the site has now.
func (w *web) newPool(s *site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pool := &backend.Pool{
		Changed: func(addr netip.AddrPort, from, to backend.State) {
			w.options.Log.Info("a server changed", "site", s.name, "server", addr, "from", from.String(), "to", to.String())
			w.news.tell(model.SiteKind, s.name)
		},
		Check: backend.Check{
			Proxy: versions[s.header], TLS: true, Name: s.name, Path: "/", Guard: &w.guard,
			Every: max(w.options.scaled(2*time.Second), 200*time.Millisecond),
			Fast:  max(w.options.scaled(500*time.Millisecond), 100*time.Millisecond),
			Fall:  2, Timeout: 5 * time.Second,
		},
	}
	for _, b := range s.origins {
		pool.Members = append(pool.Members, backend.Member{Addr: b.addr})
	}
	if s.anew != nil {
		close(s.anew)
	}
	s.pool, s.anew, s.drained = pool, make(chan struct{}), make(map[netip.AddrPort]bool)
}

// route makes the proxy's table anew.
func (w *web) route() error {
	var routes sniproxy.Routes
	for _, s := range w.sites {
		s.mu.Lock()
		routes.Sites = append(routes.Sites, sniproxy.Site{
			Names:    s.names,
			Decision: sniproxy.Decision{Site: s.name, Backend: s.pool, Proxy: versions[s.header]},
		})
		s.mu.Unlock()
	}
	if err := w.table.Replace(routes); err != nil {
		return fmt.Errorf("demo: table of the proxy: %w", err)
	}
	return nil
}

// run serves the sites until ctx ends.
func (w *web) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := w.server.ServeTLS(w.listener); !errors.Is(err, sniproxy.ErrServerClosed) {
			return fmt.Errorf("demo: the proxy: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		return w.server.Close()
	})
	for _, s := range w.sites {
		g.Go(func() error { s.check(ctx); return nil })
		g.Go(func() error { w.visit(ctx, s); return nil })
	}
	return g.Wait()
}

// check looks at the servers of a site, until ctx ends.
func (s *site) check(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		pool, anew := s.pool, s.anew
		s.mu.Unlock()
		checking, stop := context.WithCancel(ctx)
		var watching sync.WaitGroup
		watching.Go(func() {
			select {
			case <-anew:
				stop()
			case <-checking.Done():
			}
		})
		pool.Run(checking)
		stop()
		watching.Wait()
	}
}

// visit is the traffic of a site: a request now and then.
func (w *web) visit(ctx context.Context, s *site) {
	for i := 0; wait(ctx, max(w.options.scaled(1500*time.Millisecond), 200*time.Millisecond)); i++ {
		name := s.names[i%len(s.names)]
		if err := ask(ctx, w.addr, name, w.certs.roots()); err != nil && ctx.Err() == nil {
			w.options.Log.Debug("a visitor was not served", "site", s.name, "err", err)
		}
		w.news.tell(model.SiteKind, s.name)
	}
}

// tend drains servers that are not well, and lets them come back.
func (w *web) tend(s *site, now time.Time) {
	s.mu.Lock()
	pool := s.pool
	drained := maps.Clone(s.drained)
	s.mu.Unlock()
	status := pool.Status()
	well := 0
	for _, m := range status {
		if m.State == backend.Up {
			well++
		}
	}
	for _, m := range status {
		var err error
		words := "a server drains"
		what := Tend(m, well, drained[m.Addr], max(w.options.scaled(2*time.Second), 200*time.Millisecond), now)
		switch what {
		case DrainIt:
			_, err = pool.Drain(m.Addr)
		case ResumeIt:
			words = "a server is back"
			err = pool.Resume(m.Addr)
		default:
			continue
		}
		if err != nil {
			continue // a server that is none any more
		}
		s.mu.Lock()
		delete(s.drained, m.Addr)
		if s.pool == pool && what == DrainIt {
			s.drained[m.Addr] = true
		}
		s.mu.Unlock()
		w.options.Log.Info(words, "site", s.name, "server", m.Addr, "why", m.LastError)
		w.news.tell(model.SiteKind, s.name)
	}
}

// setHeader changes what the servers of a site are sent.
func (w *web) setHeader(s *site, header model.ProxyHeader) error {
	if _, ok := versions[header]; !ok {
		return fmt.Errorf("demo: PROXY header %q of %s: it must be off, v1 or v2: %w", header, s.name, model.ErrRefused)
	}
	w.changing.Lock()
	defer w.changing.Unlock()
	s.mu.Lock()
	same := s.header == header
	s.header = header
	s.verdict = model.Verdict{}
	s.mu.Unlock()
	if same {
		return nil
	}
	w.newPool(s)
	if err := w.route(); err != nil {
		return err
	}
	w.news.tell(model.SiteKind, s.name)
	return nil
}

// probe finds out what the servers of a site expect, by asking the first that answers.
func (w *web) probe(ctx context.Context, s *site) (model.Verdict, error) {
	prober := probe.Prober{Check: w.guard.Check}
	var report *probe.Report
	for _, b := range s.origins {
		r, err := prober.Probe(ctx, b.addr, probe.TLS, s.name)
		if err != nil {
			return model.Verdict{}, fmt.Errorf("demo: probe %s: %w", s.name, err)
		}
		report = r
		if r.Verdict != probe.Unreachable {
			break
		}
	}
	s.mu.Lock()
	header := s.header
	s.mu.Unlock()
	v := verdict(report, header)
	s.mu.Lock()
	s.verdict = v
	s.mu.Unlock()
	w.news.tell(model.SiteKind, s.name)
	return v, nil
}

// verdict is a report in words, for a site with that header.
func verdict(r *probe.Report, header model.ProxyHeader) model.Verdict {
	advice := r.Advise(versions[header])
	words := []string{r.Summary()}
	if !advice.OK {
		words = append(words, advice.Text)
		words = append(words, advice.Remedies...)
	}
	v := model.Verdict{Good: r.Verdict.Accepts(versions[header]), Words: strings.Join(words, " ")}
	switch r.Verdict {
	case probe.ExpectsNone:
		v.Want = model.NoHeader
	case probe.ExpectsV1:
		v.Want = model.V1
	case probe.ExpectsV2:
		v.Want = model.V2
	case probe.ExpectsAny:
		v.Want = model.V2
		if v.Good {
			v.Want = header
		}
	}
	return v
}

// show is the site as the panel shows it.
func (w *web) show(s *site) model.Site {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := model.Site{Name: s.name, Owner: s.owner, Names: append([]string(nil), s.names...), Header: s.header, Verdict: s.verdict}
	counts := w.server.Stats().Sites[s.name]
	v.Open, v.Routed = counts.Active, int64(counts.Connections)
	well := 0
	for _, m := range s.pool.Status() {
		b := model.Backend{Addr: m.Addr, State: "up"}
		switch m.State {
		case backend.Up:
			well++
		case backend.Draining:
			b.State, b.Why = "draining", m.LastError
		default:
			b.State, b.Why = "down", m.LastError
		}
		v.Backends = append(v.Backends, b)
	}
	switch {
	case well == len(v.Backends):
		v.Words = "All servers are well."
	case well > 0:
		v.Words = fmt.Sprintf("%d of %d servers are well; the others get no new connections.", well, len(v.Backends))
	default:
		v.Words = "No server is well. Let the probe find out which PROXY header they expect."
	}
	return v
}
