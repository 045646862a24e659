package sniproxytest

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// BackendMode is what a [Backend] does with a connection.
type BackendMode uint8

// The modes of a backend.
const (
	// BackendEcho sends back what comes, and ends when the client does.
	BackendEcho BackendMode = iota
	// BackendAfterEOF sends all back only when the client has ended its
	// direction: a proxy that closes both ends at once loses the answer.
	BackendAfterEOF
	// BackendGreets speaks first, sends "ready\r\n", ends its own direction and
	// reads on until the client has ended.
	BackendGreets
	// BackendResets resets the connection after [BackendOptions.After] bytes.
	BackendResets
	// BackendBlackHole accepts, reads nothing and says nothing.
	BackendBlackHole
	// BackendFull never completes a connection: the kernel drops its SYN as the
	// accept queue is full. Linux only; elsewhere the test is skipped.
	BackendFull
)

// BackendOptions say what a [Backend] is. The zero value is an echo on [::1].
type BackendOptions struct {
	// Addr is where it listens, with port 0 for a free one; "" is "[::1]:0".
	Addr string
	Mode BackendMode
	// After is how many bytes [BackendResets] reads first, header and handshake
	// not counted.
	After int64
	// Proxy, unless Off, is the version of the PROXY header that each
	// connection must begin with. One that does not is closed.
	Proxy proxyheader.Version
	// TLS has it speak TLS, under a certificate of [Backend.Roots].
	TLS bool
	// Names are those of the certificate; nil is "localhost".
	Names []string
	// ALPN are the protocols offered within TLS.
	ALPN []string
}

// maxRecorded is how much of what a connection received is kept, in bytes.
const maxRecorded = 64 << 10

// BackendConn is what a [Backend] saw of one connection.
type BackendConn struct {
	// Peer is the other end of the socket, a proxy as a rule.
	Peer netip.AddrPort
	// Header is the PROXY header, if one is required and came.
	Header proxyheader.Header
	// ServerName and ALPN are those of the TLS handshake.
	ServerName, ALPN string
	// Received are the first 64 KiB behind header and handshake, and Bytes how
	// many there were in all.
	Received []byte
	Bytes    int64
	// Err is why the connection was refused, or how it ended; nil after a clean
	// end. A refused one has nothing but Peer and Err.
	Err error
	// Done says that the backend is through with it.
	Done bool
}

// Backend is a server that a proxy may send connections to. It records what it
// gets.
type Backend struct {
	options  BackendOptions
	listener net.Listener
	addr     netip.AddrPort
	config   *tls.Config
	roots    *x509.CertPool
	tasks    sync.WaitGroup

	mu     sync.Mutex // guards all below
	conns  []*BackendConn
	open   map[net.Conn]bool
	closed bool
	change chan struct{} // closed and replaced at each change
}

// NewBackend starts a backend, which is closed at the test's cleanup.
func NewBackend(t testing.TB, o BackendOptions) *Backend {
	t.Helper()
	b := &Backend{options: o, open: make(map[net.Conn]bool), change: make(chan struct{})}
	inner, err := net.Listen("tcp", cmp.Or(o.Addr, "[::1]:0"))
	if err != nil {
		t.Fatalf("sniproxytest: listen for a backend: %v", err)
	}
	tcp, ok := inner.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("sniproxytest: a backend listens on %v", inner.Addr())
	}
	b.addr = tcp.AddrPort()
	b.listener = inner
	if o.Proxy != proxyheader.Off {
		b.listener = b.requireHeader(inner)
	}
	t.Cleanup(b.Close)
	if o.TLS {
		b.config, b.roots = certificate(t, o.Names)
		b.config.NextProtos = o.ALPN
	}
	if o.Mode == BackendFull {
		t.Cleanup(fill(t, inner))
		return b
	}
	b.tasks.Go(b.serve)
	return b
}

// requireHeader trusts everybody: whom to trust is not what the proxy is tested
// for.
func (b *Backend) requireHeader(inner net.Listener) net.Listener {
	return &proxyheader.Listener{
		Listener: inner,
		Trusted:  []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")},
		Options:  proxyheader.DecodeOptions{Only: b.options.Proxy, Max: proxyheader.MaxV2},
		Refused: func(peer net.Addr, err error) {
			b.update(func() {
				b.conns = append(b.conns, &BackendConn{Peer: addrPort(peer), Err: err, Done: true})
			})
		},
	}
}

// Addr is where the backend listens.
func (b *Backend) Addr() netip.AddrPort { return b.addr }

// Roots verifies the backend's certificate; nil without TLS.
func (b *Backend) Roots() *x509.CertPool { return b.roots }

// ClientConfig is a client's configuration for the name, with [Backend.Roots].
func (b *Backend) ClientConfig(name string) *tls.Config {
	return &tls.Config{RootCAs: b.roots, ServerName: name, MinVersion: tls.VersionTLS12, NextProtos: b.options.ALPN}
}

// Conns returns what was seen so far, in the order of arrival.
func (b *Backend) Conns() []BackendConn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.snapshot()
}

func (b *Backend) snapshot() []BackendConn {
	all := make([]BackendConn, len(b.conns))
	for i, c := range b.conns {
		all[i] = *c
		all[i].Received = slices.Clone(c.Received)
	}
	return all
}

// Await waits until n connections are done, and returns all. After a minute it
// fails the test.
func (b *Backend) Await(t testing.TB, n int) []BackendConn {
	t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		b.mu.Lock()
		all, change := b.snapshot(), b.change
		b.mu.Unlock()
		done := 0
		for _, c := range all {
			if c.Done {
				done++
			}
		}
		if done >= n {
			return all
		}
		select {
		case <-change:
		case <-late.C:
			t.Fatalf("sniproxytest: %d of %d connections are done after a minute; seen %d", done, n, len(all))
		}
	}
}

// Close closes the listener and all connections. Connecting is refused then.
func (b *Backend) Close() {
	_ = b.listener.Close()
	b.update(func() {
		b.closed = true
		for c := range b.open {
			_ = c.Close()
		}
	})
	b.tasks.Wait()
}

// update changes the records and wakes those who wait.
func (b *Backend) update(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.change)
	b.change = make(chan struct{})
}

func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
