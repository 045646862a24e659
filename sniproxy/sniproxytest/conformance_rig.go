package sniproxytest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// patience is how long the suite waits for what has to come; machines may be slow.
const patience = 60 * time.Second

// A rig is a server that listens on the loopback.
type rig struct {
	server  *sniproxy.Server
	table   *sniproxy.Table
	addr    string
	records chan sniproxy.Record
}

// route is sites and the ports of their backends.
type route struct {
	sites []sniproxy.Site
	ports []uint16
}

func (a route) and(b route) route {
	return route{append(a.sites, b.sites...), append(a.ports, b.ports...)}
}

// rig starts a server with these sites; tweak may change it before.
func (c conformance) rig(t *testing.T, to route, tweak func(*sniproxy.Server)) *rig {
	t.Helper()
	r := &rig{table: new(sniproxy.Table), records: make(chan sniproxy.Record, 100000)}
	if err := r.table.Replace(sniproxy.Routes{Sites: to.sites}); err != nil {
		t.Fatal(err)
	}
	r.server = &sniproxy.Server{
		Router:   r.table,
		Guard:    &backend.Guard{Loopback: true, Ports: to.ports},
		Observer: &sniproxy.Observer{Connection: func(rec *sniproxy.Record) { r.records <- *rec }},
	}
	c.configure(r.server)
	if tweak != nil {
		tweak(r.server)
	}
	r.addr = r.serve(t, r.server.ServeTLS)
	return r
}

func (r *rig) serve(t *testing.T, serve func(net.Listener) error) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; !errors.Is(err, sniproxy.ErrServerClosed) {
			t.Errorf("serve returned %v", err)
		}
		if n := r.server.Stats().Active; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
	return l.Addr().String()
}

func (r *rig) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp4", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// record waits for the record of the next connection that ends.
func (r *rig) record(t *testing.T) sniproxy.Record {
	t.Helper()
	select {
	case rec := <-r.records:
		return rec
	case <-time.After(patience):
		t.Fatal("no connection ended")
		return sniproxy.Record{}
	}
}

func (r *rig) wantResult(t *testing.T, result sniproxy.Result, n uint64) {
	t.Helper()
	until(t, func() bool { s := r.server.Stats(); return s.Result(result) == n && s.Active == 0 },
		"connections that end as "+result.String())
}

// until waits for a condition.
func until(t *testing.T, ok func() bool, what string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func closeWrite(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// A static backend is addresses that are tried in order, and counts connections.
type static struct {
	addrs []netip.AddrPort
	slow  bool // the addresses come from Resolve only

	mu     sync.Mutex // guards all below
	open   int
	failed map[netip.AddrPort]int
}

func newStatic(ports ...uint16) *static {
	s := &static{failed: make(map[netip.AddrPort]int)}
	for _, p := range ports {
		s.addrs = append(s.addrs, loopback(p))
	}
	return s
}

func (s *static) Ready(dst []netip.AddrPort, _ backend.Query) ([]netip.AddrPort, bool, error) {
	if s.slow {
		return dst, false, nil
	}
	return append(dst, s.addrs...), true, nil
}

func (s *static) Resolve(_ context.Context, dst []netip.AddrPort, _ backend.Query) ([]netip.AddrPort, error) {
	return append(dst, s.addrs...), nil
}

func (s *static) Report(addr netip.AddrPort, err error, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed[addr]++
	} else {
		s.open++
	}
}

func (s *static) Closed(netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// state returns how many connections are open, and how often addr failed.
func (s *static) state(addr netip.AddrPort) (open, failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.failed[addr]
}

// routeTo leads a name to ports of the loopback.
func routeTo(name string, d sniproxy.Decision, ports ...uint16) route {
	d.Backend = newStatic(ports...)
	return route{sites: []sniproxy.Site{{Names: []string{name}, Decision: d}}, ports: ports}
}

func loopback(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.IPv6Loopback(), port) }

// listen6 listens on the loopback until the test ends.
func listen6(t *testing.T) (*net.TCPListener, uint16) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener), portOf(l.Addr())
}

func portOf(a net.Addr) uint16 { return a.(*net.TCPAddr).AddrPort().Port() }

// freePort is a port that nobody listens on.
func freePort(t *testing.T) uint16 {
	t.Helper()
	l, port := listen6(t)
	l.Close()
	return port
}

// A recorder is a backend that sends back what it gets, a PROXY header apart, and
// remembers it.
type recorder struct {
	port uint16

	mu  sync.Mutex // guards got
	got map[netip.AddrPort][]received
}

// received is what one connection brought.
type received struct {
	header proxyheader.Header
	bytes  []byte
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	l, port := listen6(t)
	b := &recorder{port: port, got: make(map[netip.AddrPort][]received)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(c)
		}
	}()
	return b
}

// serve takes the header from the first read: it has to come with the hello.
func (b *recorder) serve(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 64<<10)
	var got received
	for first := true; ; first = false {
		n, err := c.Read(buf)
		data := buf[:n]
		if first {
			if h, size, err := proxyheader.Decode(data, proxyheader.DecodeOptions{}); err == nil && size < n {
				got.header, data = h, bytes.Clone(data[size:])
			}
		}
		got.bytes = append(got.bytes, data...)
		if _, werr := c.Write(data); werr != nil {
			return
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got[got.header.Source] = append(b.got[got.header.Source], got)
}

// route leads a name here.
func (b *recorder) route(name string, d sniproxy.Decision) route {
	return routeTo(name, d, b.port)
}

// check wants a connection recorded that the client made, once.
func (b *recorder) check(t *testing.T, client *net.TCPConn, want []byte, version proxyheader.Version) {
	t.Helper()
	var key netip.AddrPort
	if version != proxyheader.Off {
		key = client.LocalAddr().(*net.TCPAddr).AddrPort()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, got := range b.got[key] {
		if !bytes.Equal(got.bytes, want) {
			continue
		}
		n++
		if got.header.Version != version {
			t.Errorf("the header is %v, want %v", got.header.Version, version)
		}
		if to := client.RemoteAddr().(*net.TCPAddr).AddrPort(); version != proxyheader.Off && got.header.Destination != to {
			t.Errorf("the header's destination is %v, want %v", got.header.Destination, to)
		}
	}
	if n == 0 || n > 1 && version != proxyheader.Off {
		t.Errorf("the backend got these %d bytes %d times", len(want), n)
	}
}
