package renew

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"
)

// ErrNoCertificate is wrapped by errors of handshakes for which there is none.
var ErrNoCertificate = errors.New("no certificate for this name")

// GetCertificate is for [tls.Config]. It serves what was issued or adopted last. With
// more than 1000 certificates, they are loaded from the store with the first handshake
// that needs them.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.TrimSuffix(strings.ToLower(hello.ServerName), ".")
	m.mu.RLock()
	e := m.hosts[host]
	if _, parent, ok := strings.Cut(host, "."); ok && e == nil {
		e = m.hosts["*."+parent]
	}
	if e == nil && m.Default != "" {
		e = m.entries[m.Default]
	}
	var cert *tls.Certificate
	var id string
	if e != nil {
		cert, id = e.cert, e.state.CertID
	}
	m.mu.RUnlock()
	switch {
	case cert != nil:
		return cert, nil
	case id == "":
		return nil, fmt.Errorf("renew: a handshake for %q: %w", hello.ServerName, ErrNoCertificate)
	}
	cert, err := load(hello, m.Store, e.name)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && e.state.CertID != certID(cert.Leaf):
		if !e.gone {
			m.soon(e) // someone removed it, or put another one there
			m.poke()
		}
	case err != nil:
	case e.cert == nil && !e.gone:
		e.cert = cert
	}
	return cert, err
}

func load(hello *tls.ClientHelloInfo, s Store, name string) (*tls.Certificate, error) {
	ctx := hello.Context()
	if ctx == nil { // of a hello that was made by hand
		ctx = context.Background()
	}
	b, err := s.Load(ctx, name)
	if err != nil {
		return nil, err
	}
	return b.TLS()
}

// serve makes a certificate that of its names. e.state is its state, and cert is nil if
// it is not to be in memory. m.mu is held.
func (m *Manager) serve(e *entry, names []string, cert *tls.Certificate) {
	m.unserve(e)
	if e.gone {
		return
	}
	e.cert, e.hosts = cert, names
	for _, h := range e.hosts {
		if other := m.hosts[h]; other == nil || !other.state.NotAfter.After(e.state.NotAfter) {
			m.hosts[h] = e
		}
	}
}

// unserve takes a certificate away from its names. m.mu is held.
func (m *Manager) unserve(e *entry) {
	for _, h := range e.hosts {
		if m.hosts[h] == e {
			delete(m.hosts, h)
		}
	}
	e.cert, e.hosts = nil, nil
}

// Source serves one certificate out of a store that another program writes. Store
// and Name are required.
type Source struct {
	// Store has the certificate.
	Store Store
	// Name is the certificate's in the store.
	Name string
	// Every is how old the certificate in memory may be before a handshake looks for
	// a newer one. 0 is a minute.
	Every time.Duration

	mu     sync.Mutex
	cert   *tls.Certificate // guarded by mu, as all below
	loaded time.Time
}

// GetCertificate is for [tls.Config]. While the store can not be read it serves what
// it has.
func (s *Source) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	cert, age := s.cert, time.Since(s.loaded)
	if cert != nil && age < or(s.Every, time.Minute) {
		s.mu.Unlock()
		return cert, nil
	}
	s.loaded = time.Now() // others need not wait for this one
	s.mu.Unlock()
	fresh, err := load(hello, s.Store, s.Name)
	if err != nil {
		if cert != nil {
			return cert, nil
		}
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cert = fresh
	return fresh, nil
}
