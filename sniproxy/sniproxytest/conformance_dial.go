package sniproxytest

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/clienthello"
	"github.com/mythic-beasts/hostkit/sniproxy/limit"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// dialling is how backends are reached.
func (c conformance) dialling(t *testing.T) {
	t.Run("the next address after one that refuses", func(t *testing.T) {
		b := NewBackend(t, BackendOptions{})
		dead := freePort(t)
		to := routeTo(Site, sniproxy.Decision{}, dead, b.Addr().Port())
		r := c.rig(t, to, nil)
		r.greet(t).Close()
		r.record(t)
		s := to.sites[0].Backend.(*static)
		if open, failed := s.state(loopback(dead)); open != 0 || failed != 1 {
			t.Errorf("%d connections are open, %d attempts failed", open, failed)
		}
	})
	t.Run("the next address beside one that does not answer", func(t *testing.T) {
		hole := NewBackend(t, BackendOptions{Mode: BackendFull})
		b := NewBackend(t, BackendOptions{})
		r := c.rig(t, routeTo(Site, sniproxy.Decision{}, hole.Addr().Port(), b.Addr().Port()), func(s *sniproxy.Server) {
			s.Timeouts.Dial = patience
		})
		start := time.Now()
		r.greet(t).Close()
		if took := time.Since(start); took > patience/2 {
			t.Errorf("it took %v", took)
		}
		if rec := r.record(t); rec.Backend != loopback(b.Addr().Port()) || rec.DialTook < 200*time.Millisecond {
			t.Errorf("%v after %v", rec.Backend, rec.DialTook)
		}
	})
	t.Run("no address answers", func(t *testing.T) {
		hole := NewBackend(t, BackendOptions{Mode: BackendFull})
		r := c.rig(t, routeTo(Site, sniproxy.Decision{}, hole.Addr().Port()), func(s *sniproxy.Server) {
			s.Timeouts.Dial = 400 * time.Millisecond
		})
		wantAlert(t, r.toBackend(t), clienthello.AlertInternalError)
		r.wantResult(t, sniproxy.BackendTimeout, 1)
	})
	t.Run("addresses that have to be looked up", func(t *testing.T) {
		b := NewBackend(t, BackendOptions{})
		to := routeTo(Site, sniproxy.Decision{}, b.Addr().Port())
		to.sites[0].Backend.(*static).slow = true
		r := c.rig(t, to, nil)
		r.greet(t).Close()
		if rec := r.record(t); rec.Result != sniproxy.Routed {
			t.Errorf("%v: %v", rec.Result, rec.Err)
		}
	})
	t.Run("the guard has the last word", func(t *testing.T) {
		b := NewBackend(t, BackendOptions{})
		to := routeTo(Site, sniproxy.Decision{}, b.Addr().Port())
		to.ports = []uint16{1}
		r := c.rig(t, to, nil)
		wantAlert(t, r.toBackend(t), clienthello.AlertInternalError)
		r.wantResult(t, sniproxy.Denied, 1)
		if n := len(b.Conns()); n != 0 {
			t.Errorf("%d connections were made", n)
		}
	})
	t.Run("a site that leads to the proxy itself", c.loop)
}

// loop is bounded by the limit per site: each turn is a connection of it.
func (c conformance) loop(t *testing.T) {
	l, port := listen6(t)
	r := c.rig(t, routeTo(Site, sniproxy.Decision{Limit: limit.Limit{Conns: 5}}, port), func(s *sniproxy.Server) {
		s.Limiter = &limit.Limiter{}
	})
	done := make(chan error, 1)
	go func() { done <- r.server.ServeTLS(l) }()
	conn := r.toBackend(t)
	_, _ = io.Copy(io.Discard, conn)
	conn.Close()
	until(t, func() bool { return r.server.Stats().Active == 0 }, "the loop's end")
	if s := r.server.Stats(); s.Accepted > 6 {
		t.Errorf("it went round %d times", s.Accepted)
	}
}

// limits are those of clients, sites and the whole.
func (c conformance) limits(t *testing.T) {
	for name, set := range map[string]func(*limit.Limiter, *sniproxy.Decision){
		"of a client":  func(l *limit.Limiter, _ *sniproxy.Decision) { l.PerClient.Conns = 2 },
		"of a site":    func(_ *limit.Limiter, d *sniproxy.Decision) { d.Limit.Conns = 2 },
		"of any site":  func(l *limit.Limiter, _ *sniproxy.Decision) { l.PerSite.Conns = 2 },
		"of the whole": func(l *limit.Limiter, _ *sniproxy.Decision) { l.Total.Conns = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBackend(t, BackendOptions{})
			var l limit.Limiter
			var d sniproxy.Decision
			set(&l, &d)
			r := c.rig(t, routeTo(Site, d, b.Addr().Port()), func(s *sniproxy.Server) { s.Limiter = &l })
			first := r.greet(t)
			r.greet(t)
			if third, err := net.Dial("tcp4", r.addr); err == nil { // it may be reset at once
				_, _ = third.Write(Hello(Site, HelloOptions{}))
				if n, _ := io.Copy(io.Discard, third); n > 7 {
					t.Errorf("the third connection got %d bytes", n)
				}
				third.Close()
			}
			if rec := r.record(t); rec.Result != sniproxy.Limited {
				t.Errorf("it ended as %v: %v", rec.Result, rec.Err)
			}
			first.Close()
			r.record(t)
			r.greet(t) // its place is free again
		})
	}
}

// fronts are load balancers that say who the client is.
func (c conformance) fronts(t *testing.T) {
	source, local := addr("198.51.100.7:4711"), addr("203.0.113.9:443")
	header, err := proxyheader.AppendV2(nil, &proxyheader.Header{Version: proxyheader.V2, Source: source, Destination: local})
	if err != nil {
		t.Fatal(err)
	}
	front := func(s *sniproxy.Server) { s.Trusted = append(s.Trusted, prefix("127.0.0.0/8")) }
	t.Run("their header is relayed", func(t *testing.T) {
		b := newRecorder(t)
		r := c.rig(t, b.route(Site, sniproxy.Decision{Proxy: proxyheader.V1}), front)
		conn := r.dial(t)
		hello := Hello(Site, HelloOptions{})
		for _, part := range [][]byte{header[:5], header[5:], hello[:3], hello[3:]} {
			if _, err := conn.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		closeWrite(t, conn)
		if _, err := io.ReadAll(conn); err != nil {
			t.Fatal(err)
		}
		rec := r.record(t)
		if rec.Client != source || rec.Local != local || rec.ProxyIn != proxyheader.V2 || !rec.Front.IsValid() {
			t.Errorf("the record says %+v", rec)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if got := b.got[source]; len(got) != 1 || got[0].header.Destination != local || string(got[0].bytes) != string(hello) {
			t.Errorf("the backend got %+v", b.got)
		}
	})
	t.Run("they must send one", func(t *testing.T) {
		b := newRecorder(t)
		r := c.rig(t, b.route(Site, sniproxy.Decision{}), front)
		conn := r.toBackend(t)
		if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		conn.Close()
		r.wantResult(t, sniproxy.BadProxyHeader, 1)
	})
	t.Run("others must not", func(t *testing.T) {
		b := newRecorder(t)
		r := c.rig(t, b.route(Site, sniproxy.Decision{}), nil)
		conn := r.dial(t)
		if _, err := conn.Write(append(header, Hello(Site, HelloOptions{})...)); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn)
		conn.Close()
		r.wantResult(t, sniproxy.NotTLS, 1)
	})
}

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
