package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/proxyheader"
)

// origin is a customer's web server behind the proxy, on IPv6. It may be dead for a
// while.
type origin struct {
	name    string
	expects bool // a PROXY header before anything else
	addr    netip.AddrPort
	config  *tls.Config

	mu     sync.Mutex // guards all below
	server *http.Server
	ended  chan struct{} // closed when server has
}

// open has the server listen, at a port of its own.
func (o *origin) open(ctx context.Context) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp6", "[::1]:0")
	if err != nil {
		return fmt.Errorf("demo: server of %s: sites are behind IPv6, which this machine must have on loopback: %w", o.name, err)
	}
	o.addr = ln.Addr().(*net.TCPAddr).AddrPort()
	o.serve(ln)
	return nil
}

func (o *origin) serve(ln net.Listener) {
	if o.expects {
		ln = &proxyheader.Listener{
			Listener: ln, Trusted: []netip.Prefix{netip.MustParsePrefix("::1/128")},
		}
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(o.page),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // of clients and checks that go early
	}
	ended := make(chan struct{})
	o.mu.Lock()
	o.server, o.ended = server, ended
	o.mu.Unlock()
	go func() {
		defer close(ended)
		_ = server.Serve(tls.NewListener(ln, o.config))
	}()
}

func (o *origin) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "%s, served to %q\n", o.name, r.RemoteAddr)
}

// die closes the server and all that it was doing.
func (o *origin) die() {
	o.mu.Lock()
	server, ended := o.server, o.ended
	o.server = nil
	o.mu.Unlock()
	if server == nil {
		return
	}
	_ = server.Close()
	<-ended
}

// revive has a dead server listen where it did.
func (o *origin) revive(ctx context.Context) error {
	o.mu.Lock()
	alive := o.server != nil
	o.mu.Unlock()
	if alive {
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp6", o.addr.String())
	if err != nil {
		return fmt.Errorf("demo: server of %s: %w", o.name, err)
	}
	o.serve(ln)
	return nil
}

// newStopgap is a certificate of nobody's, for servers whose own is not there yet.
func newStopgap() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("demo: key of the stopgap certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "not yet certified"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("demo: stopgap certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// ask makes a request to a site by way of the proxy.
func ask(ctx context.Context, proxy netip.AddrPort, name string, roots *x509.CertPool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp4", proxy.String())
		},
	}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+name+"/", nil)
	if err != nil {
		return fmt.Errorf("demo: ask for %s: %w", name, err)
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("demo: ask for %s: %w", name, err)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}
