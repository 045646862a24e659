package realtest_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// patience is how long is waited for what has to come; machines may be slow.
const patience = time.Minute

// engines runs a test with the engine that is chosen by itself, which is epoll on
// Linux, and with the portable one.
func engines(t *testing.T, test func(*testing.T, sniproxy.Engine)) {
	t.Helper()
	for name, e := range map[string]sniproxy.Engine{"auto": sniproxy.Auto, "portable": sniproxy.Portable} {
		t.Run(name, func(t *testing.T) { test(t, e) })
	}
}

// proxy is a server that listens on the IPv4 loopback, for TLS and for HTTP.
type proxy struct {
	server    *sniproxy.Server
	set       *routes.Set
	tls, http netip.AddrPort

	mu      sync.Mutex // guards all below
	records []sniproxy.Record
	ended   []chan error
}

// newProxy starts a server with these sites, whose ports alone it may connect to.
// The server may be changed before.
func newProxy(t *testing.T, e sniproxy.Engine, sites []routes.Site, tweak func(*sniproxy.Server)) *proxy {
	t.Helper()
	guard := &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("::1/128")}, Loopback: true, Ports: []uint16{1}}
	for _, s := range sites {
		for _, port := range []int{s.TLSPort, s.HTTPPort} {
			if port > 0 {
				guard.Ports = append(guard.Ports, uint16(port))
			}
		}
	}
	p := &proxy{set: &routes.Set{Guard: guard}}
	p.replace(t, sites)
	note := func(r *sniproxy.Record) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.records = append(p.records, *r)
	}
	p.server = &sniproxy.Server{
		Router: p.set, Guard: guard, Engine: e, Via: "realtest",
		Observer: &sniproxy.Observer{Connection: note, Request: note},
		// Programs may be slow to start, with all others beside them.
		Timeouts: sniproxy.Timeouts{Hello: patience, Dial: patience},
	}
	if tweak != nil {
		tweak(p.server)
	}
	p.tls, p.http = p.listen(t, p.server.ServeTLS), p.listen(t, p.server.ServeHTTP1)
	t.Cleanup(func() { p.end(t) })
	return p
}

func (p *proxy) replace(t *testing.T, sites []routes.Site) {
	t.Helper()
	require.NoError(t, p.set.Replace(routes.Document{Sites: sites}))
}

func (p *proxy) listen(t *testing.T, serve func(net.Listener) error) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	p.ended = append(p.ended, ended)
	go func() { ended <- serve(l) }()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// end closes the server, and wants nothing to be left.
func (p *proxy) end(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil && !errors.Is(err, sniproxy.ErrServerClosed) {
		t.Errorf("shutdown: %v", err)
	}
	for _, ended := range p.ended {
		if err := <-ended; !errors.Is(err, sniproxy.ErrServerClosed) {
			t.Errorf("serving ended with %v", err)
		}
	}
	if s := p.server.Stats(); s.Active != 0 || s.AcceptFailed != 0 {
		t.Errorf("%d connections are left, %d were not accepted", s.Active, s.AcceptFailed)
	}
}

// recorded waits for a record of which ok holds.
func (p *proxy) recorded(t *testing.T, ok func(*sniproxy.Record) bool) (found sniproxy.Record) {
	t.Helper()
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		i := slices.IndexFunc(p.records, func(r sniproxy.Record) bool { return ok(&r) })
		if i >= 0 {
			found = p.records[i]
		}
		return i >= 0
	}, patience, 10*time.Millisecond)
	return found
}

// refused waits until a result was counted so often.
func (p *proxy) counted(t *testing.T, r sniproxy.Result, times uint64) {
	t.Helper()
	require.Eventually(t, func() bool {
		s := p.server.Stats()
		return s.Result(r) == times
	}, patience, 10*time.Millisecond, "%v", r)
}

// site is a site on one server of the IPv6 loopback; port 0 is none.
func site(name string, tls, http uint16) routes.Site {
	s := routes.Site{
		Names: []string{name}, Backends: []routes.Backend{{Addr: netip.IPv6Loopback()}},
		TLSPort: -1, HTTPPort: -1,
	}
	if tls != 0 {
		s.TLSPort = int(tls)
	}
	if http != 0 {
		s.HTTPPort = int(http)
	}
	return s
}
