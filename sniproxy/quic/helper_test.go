package quic_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	quicgo "github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/sniproxy"
	"github.com/mythic-beasts/hostkit/sniproxy/backend"
	"github.com/mythic-beasts/hostkit/sniproxy/quic"
)

const site = "www.site.example"

// patience is how long a test waits for what should come at once.
const (
	patience = time.Minute
	tick     = 5 * time.Millisecond
)

// certificates are made once: one for each name, and the pool that trusts all.
func certificates(t testing.TB, names ...string) (map[string]tls.Certificate, *x509.CertPool) {
	t.Helper()
	pool, all := x509.NewCertPool(), map[string]tls.Certificate{}
	for i, name := range names {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), DNSNames: []string{name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		pool.AddCert(cert)
		all[name] = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	return all, pool
}

// upper is a QUIC server on ::1 that sends back each stream, behind the name.
type upper struct {
	addr      netip.AddrPort
	transport *quicgo.Transport
	mu        sync.Mutex
	conns     []*quicgo.Conn
}

func (u *upper) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.conns)
}

func (u *upper) last() *quicgo.Conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.conns[len(u.conns)-1]
}

func startUpper(t testing.TB, cert tls.Certificate, name string, config *quicgo.Config, prepare func(*quicgo.Transport)) *upper {
	t.Helper()
	pc, err := net.ListenPacket("udp6", "[::1]:0")
	require.NoError(t, err)
	u := &upper{addr: pc.LocalAddr().(*net.UDPAddr).AddrPort(), transport: &quicgo.Transport{Conn: pc}}
	if prepare != nil {
		prepare(u.transport)
	}
	l, err := u.transport.ListenEarly(&tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"echo"}}, config)
	require.NoError(t, err)
	t.Cleanup(func() {
		l.Close()
		u.transport.Close()
		pc.Close()
	})
	go func() {
		for {
			c, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			u.mu.Lock()
			u.conns = append(u.conns, c)
			u.mu.Unlock()
			go echo(c, name)
		}
	}()
	return u
}

func echo(c *quicgo.Conn, name string) {
	for {
		s, err := c.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			_, _ = s.Write([]byte(name + ":"))
			_, _ = io.Copy(s, s)
			s.Close()
		}()
	}
}

// ask sends a message over a new stream and returns the answer.
func ask(t testing.TB, c *quicgo.Conn, message []byte) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.OpenStreamSync(ctx)
	require.NoError(t, err)
	require.NoError(t, s.SetDeadline(time.Now().Add(patience)))
	go func() {
		_, _ = s.Write(message)
		s.Close()
	}()
	answer, err := io.ReadAll(s)
	require.NoError(t, err)
	return string(answer)
}

// relay is a running Server.
type relay struct {
	*quic.Server
	addr    *net.UDPAddr
	mu      sync.Mutex
	records []sniproxy.Record
	done    chan error
}

func (r *relay) Records() []sniproxy.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sniproxy.Record(nil), r.records...)
}

// startRelay starts a Server on 127.0.0.1 that routes by the names given.
func startRelay(t testing.TB, sites map[string][]netip.AddrPort, change func(*quic.Server)) *relay {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{addr: pc.LocalAddr().(*net.UDPAddr), done: make(chan error, 1)}
	r.Server = &quic.Server{
		Router:   routes(sites),
		Guard:    loopbackGuard(sites),
		Observer: &sniproxy.Observer{Connection: r.record},
	}
	if change != nil {
		change(r.Server)
	}
	go func() { r.done <- r.Serve(pc) }()
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		select {
		case err := <-r.done:
			require.ErrorIs(t, err, sniproxy.ErrServerClosed)
		case <-time.After(patience):
			t.Error("Serve does not return")
		}
		s := r.Stats()
		require.Zero(t, s.Active)
		require.Zero(t, s.Held)
	})
	return r
}

func (r *relay) record(rec *sniproxy.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, *rec)
}

// routes makes a pool of each site's servers, tried in their order.
func routes(sites map[string][]netip.AddrPort) sniproxy.Router {
	all := map[string]sniproxy.Decision{}
	for name, addrs := range sites {
		all[name] = sniproxy.Decision{Site: name, Backend: &fixed{addrs: addrs}}
	}
	return sniproxy.RouterFunc(func(r *sniproxy.Request) (sniproxy.Decision, error) {
		d, ok := all[r.Name]
		switch {
		case r.Name == "":
			return d, sniproxy.ErrNoName
		case !ok:
			return d, sniproxy.ErrUnknownName
		}
		return d, nil
	})
}

func loopbackGuard(sites map[string][]netip.AddrPort) *backend.Guard {
	g := &backend.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("::1/128")}, Loopback: true, Ports: []uint16{443}}
	for _, addrs := range sites {
		for _, a := range addrs {
			g.Ports = append(g.Ports, a.Port())
		}
	}
	return g
}

// fixed are servers in a fixed order; it counts like a pool.
type fixed struct {
	addrs []netip.AddrPort
	mu    sync.Mutex
	open  int
	fails []netip.AddrPort
}

func (f *fixed) Ready(dst []netip.AddrPort, _ backend.Query) ([]netip.AddrPort, bool, error) {
	return append(dst, f.addrs...), true, nil
}

func (f *fixed) Resolve(context.Context, []netip.AddrPort, backend.Query) ([]netip.AddrPort, error) {
	panic("it was ready")
}

func (f *fixed) Report(addr netip.AddrPort, err error, _ time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.open++
		return
	}
	f.fails = append(f.fails, addr)
}

func (f *fixed) Closed(netip.AddrPort) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open--
}

// dial connects a client to the relay.
func dial(t testing.TB, r *relay, pool *x509.CertPool, name string, config *quicgo.Config) (*quicgo.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := quicgo.DialAddr(ctx, r.addr.String(), &tls.Config{ServerName: name, RootCAs: pool, NextProtos: []string{"echo"}}, config)
	if err == nil {
		t.Cleanup(func() { _ = c.CloseWithError(0, "") })
	}
	return c, err
}
