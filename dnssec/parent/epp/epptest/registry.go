package epptest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Options are how a registry is. The zero value knows "registrar" by "password".
type Options struct {
	User, Password string
	// WantKeys takes key data instead of DS.
	WantKeys bool
	// MaxDS is how many DS a domain may have; zero means 8.
	MaxDS int
	// NoSecDNS does not offer the extension.
	NoSecDNS bool
}

// DS is a DS record as the registry stores it.
type DS struct {
	Tag        uint16
	Algorithm  uint8
	DigestType uint8
	// Digest is in hexadecimal.
	Digest string
	// Key is that of the DS, if it was sent.
	Key *Key
}

// Key is key data.
type Key struct {
	Flags     uint16
	Protocol  uint8
	Algorithm uint8
	// PublicKey is in base64.
	PublicKey string
}

// Domain is what the registry has of one.
type Domain struct {
	DS   []DS
	Keys []Key
	// MaxSigLife is in seconds; zero is none.
	MaxSigLife int64
	// Urgent says whether the last change was.
	Urgent bool
	// Locked domains refuse to be changed, with code 2304.
	Locked bool
}

// Failure is something that goes wrong.
type Failure struct {
	// Code refuses the command.
	Code int
	// Lost closes the connection instead of answering. Done says that the command was
	// carried out before.
	Lost, Done bool
	// Answer is sent instead of a response, as it is.
	Answer string
	// Silent gives no answer.
	Silent bool
}

// Registry is a server of EPP.
type Registry struct {
	options Options
	addr    string
	cert    tls.Certificate
	pool    *x509.CertPool

	mu       sync.Mutex // guards what is below
	domains  map[string]*Domain
	failures map[string][]Failure
	log      []string
	conns    map[net.Conn]bool
}

// New starts a registry, which ends with the test.
func New(t testing.TB, o Options) *Registry {
	t.Helper()
	if o.User == "" {
		o.User, o.Password = "registrar", "password"
	}
	if o.MaxDS == 0 {
		o.MaxDS = 8
	}
	r := &Registry{options: o, domains: make(map[string]*Domain), failures: make(map[string][]Failure), conns: make(map[net.Conn]bool)}
	if err := r.certify(); err != nil {
		t.Fatalf("epptest: certificate: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("epptest: %v", err)
	}
	r.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { r.accept(ctx, ln, &all) })
	t.Cleanup(func() {
		cancel()
		_ = ln.Close()
		r.Drop()
		all.Wait()
	})
	return r
}

func (r *Registry) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	r.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	r.pool = x509.NewCertPool()
	r.pool.AddCert(leaf)
	return nil
}

// Addr is its host and port.
func (r *Registry) Addr() string { return r.addr }

// TLS is what a client needs to trust it.
func (r *Registry) TLS() *tls.Config {
	return &tls.Config{RootCAs: r.pool, MinVersion: tls.VersionTLS12}
}

// SetDomain makes a domain of the registrar's, or changes it.
func (r *Registry) SetDomain(name string, d Domain) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.domains[name] = &d
}

// Domain is what it has; a domain that is not there is false.
func (r *Registry) Domain(name string) (Domain, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.domains[name]
	if d == nil {
		return Domain{}, false
	}
	copied := *d
	copied.DS, copied.Keys = slices.Clone(d.DS), slices.Clone(d.Keys)
	return copied, true
}

// Fail makes the next command of a kind ("hello", "login", "info", "update",
// "logout", or "greeting" of a new connection) fail. More failures are for those
// after it.
func (r *Registry) Fail(kind string, failures ...Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[kind] = append(r.failures[kind], failures...)
}

// Commands are the kinds of commands that came, in order; "greeting" is a new
// connection.
func (r *Registry) Commands() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

// Drop closes all connections.
func (r *Registry) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		_ = c.Close()
	}
}

func (r *Registry) accept(ctx context.Context, ln net.Listener, all *sync.WaitGroup) {
	for {
		raw, err := ln.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer raw.Close()
			r.mu.Lock()
			r.conns[raw] = true
			r.mu.Unlock()
			if ctx.Err() == nil {
				r.serve(ctx, tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{r.cert}, MinVersion: tls.VersionTLS12}))
			}
			r.mu.Lock()
			delete(r.conns, raw)
			r.mu.Unlock()
		})
	}
}

// next takes the next failure of a kind, and notes the command.
func (r *Registry) next(kind string) *Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, kind)
	if len(r.failures[kind]) == 0 {
		return nil
	}
	f := r.failures[kind][0]
	r.failures[kind] = r.failures[kind][1:]
	return &f
}

func (r *Registry) serve(ctx context.Context, c net.Conn) {
	if f := r.next("greeting"); !r.send(ctx, c, f, r.greeting()) {
		return
	}
	loggedIn := false
	for {
		var head [4]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(head[:])
		if n <= 4 || n > 1<<16 {
			return
		}
		body := make([]byte, n-4)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		cmd, err := parseCommand(body)
		f := r.next(cmd.name)
		var out string
		switch {
		case err != nil:
			out = answer(cmd.id, 2001, fmt.Sprintf("Command syntax error: %v", err), "")
		case cmd.name == "hello":
			out = r.greeting()
		case f != nil && f.Code != 0:
			out = answer(cmd.id, f.Code, "Scripted failure", "")
		case f != nil && !f.Done:
		default:
			out = r.carryOut(cmd, &loggedIn)
		}
		if !r.send(ctx, c, f, out) || cmd.name == "logout" || strings.Contains(out, `<result code="25`) {
			return
		}
	}
}

// send sends an answer, or what the failure says instead.
func (r *Registry) send(ctx context.Context, c net.Conn, f *Failure, out string) bool {
	if f != nil {
		switch {
		case f.Lost:
			return false
		case f.Silent:
			<-ctx.Done()
			return false
		case f.Answer != "":
			out = f.Answer
		}
	}
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(out)+4))
	_, err := c.Write(append(frame, out...))
	return err == nil
}
