package pebbletest

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// Options are the knobs. The zero value takes every challenge as valid.
type Options struct {
	// DNS is the resolver that validation asks, over TCP. The zero value looks at
	// nothing.
	DNS netip.AddrPort
	// BadNonces is how many of a hundred good nonces are refused.
	BadNonces int
	// Faults is how many of a hundred POSTs are answered 503 before Pebble sees them.
	Faults int
	// Reuse is how many of a hundred proved names are valid in the next order.
	Reuse int
	// RetryAfterAuthz and RetryAfterOrder are seconds that go out with what is
	// not done. 0 is none.
	RetryAfterAuthz, RetryAfterOrder int
	// EAB has the secrets of external accounts. Not nil: an account needs one.
	EAB map[string][]byte
	// ChainLength is how many certificates are above the leaf, without the root.
	// 0 is 1.
	ChainLength int
	// AlternateRoots is how many further chains are offered.
	AlternateRoots int
	// Profiles are lifetimes in seconds by the names of profiles. Nil is
	// "default" with 90 days.
	Profiles map[string]uint64
}

// Pebble is a running authority.
type Pebble struct {
	t          testing.TB
	server     *httptest.Server
	management http.Handler
}

// environment is read when Pebble is made; one at a time sets it.
var environment sync.Mutex

// New starts an authority, which ends with the test.
func New(t testing.TB, o Options) *Pebble {
	t.Helper()
	handler, management := build(t, &o)
	p := &Pebble{t: t, management: management, server: httptest.NewUnstartedServer(faulty(gate(handler), o.Faults))}
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	t.Cleanup(p.server.Close)
	return p
}

// build makes Pebble of its parts, with its settings in the environment.
func build(t testing.TB, o *Options) (handler, management http.Handler) {
	t.Helper()
	environment.Lock()
	defer environment.Unlock()
	always := ""
	resolver := ""
	if o.DNS.IsValid() {
		resolver = o.DNS.String()
	} else {
		always = "1"
	}
	for name, value := range map[string]string{
		"PEBBLE_VA_NOSLEEP":      "1",
		"PEBBLE_VA_ALWAYS_VALID": always,
		"PEBBLE_WFE_NONCEREJECT": strconv.Itoa(o.BadNonces),
		"PEBBLE_AUTHZREUSE":      strconv.Itoa(o.Reuse),
	} {
		defer set(t, name, value)()
	}
	profiles := map[string]ca.Profile{}
	for name, seconds := range o.Profiles {
		profiles[name] = ca.Profile{Description: name, ValidityPeriod: seconds}
	}
	if len(profiles) == 0 {
		profiles["default"] = ca.Profile{Description: "default", ValidityPeriod: 90 * 24 * 3600}
	}
	logger := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	for id, secret := range o.EAB {
		if err := store.AddExternalAccountKeyByID(id, base64.RawURLEncoding.EncodeToString(secret)); err != nil {
			t.Fatalf("pebbletest: external account %q: %v", id, err)
		}
	}
	authority := ca.New(logger, store, "", "ecdsa", o.AlternateRoots, cmp.Or(o.ChainLength, 1), profiles)
	validator := va.New(logger, 5002, 5001, true, resolver, store)
	front := wfe.New(logger, store, validator, authority, []string{"pebble.invalid"}, true, o.EAB != nil, o.RetryAfterAuthz, o.RetryAfterOrder)
	return front.Handler(), front.ManagementHandler()
}

// set sets a variable and returns what puts the old value back.
func set(t testing.TB, name, value string) func() {
	t.Helper()
	old, had := os.LookupEnv(name)
	if err := os.Setenv(name, value); err != nil {
		t.Fatalf("pebbletest: %v", err)
	}
	return func() {
		var err error
		if had {
			err = os.Setenv(name, old)
		} else {
			err = os.Unsetenv(name)
		}
		if err != nil {
			t.Errorf("pebbletest: %v", err)
		}
	}
}

// gate lets newOrder in alone: it takes the locks in the other sequence.
func gate(h http.Handler) http.Handler {
	var mu sync.RWMutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/order-plz") {
			mu.Lock()
			defer mu.Unlock()
		} else {
			mu.RLock()
			defer mu.RUnlock()
		}
		h.ServeHTTP(w, r)
	})
}

// faulty answers some requests in the place of the authority.
func faulty(h http.Handler, percent int) http.Handler {
	if percent <= 0 {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && rand.IntN(100) < percent { //nolint:gosec // a fault, not a key
			http.Error(w, "out of order", http.StatusServiceUnavailable)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// URL is that of the directory.
func (p *Pebble) URL() string { return p.server.URL + "/dir" }

// HTTPClient trusts the authority's server.
func (p *Pebble) HTTPClient() *http.Client { return p.server.Client() }

// ServerCertificate is what HTTPClient trusts, for a client in another process.
func (p *Pebble) ServerCertificate() *x509.Certificate { return p.server.Certificate() }

// Root is the root of chain n, of which 0 is the default.
func (p *Pebble) Root(n int) *x509.Certificate {
	p.t.Helper()
	body := p.manage(http.MethodGet, wfe.RootCertPath+strconv.Itoa(n), nil)
	block, _ := pem.Decode(body)
	if block == nil {
		p.t.Fatalf("pebbletest: root %d: no PEM", n)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		p.t.Fatalf("pebbletest: root %d: %v", n, err)
	}
	return root
}

// SetRenewalInfo makes text the answer about a certificate's renewal.
func (p *Pebble) SetRenewalInfo(cert *x509.Certificate, text string) {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})),
		"ariResponse": text,
	})
	if err != nil {
		p.t.Fatalf("pebbletest: renewal information: %v", err)
	}
	p.manage(http.MethodPost, "/set-renewal-info/", body)
}

func (p *Pebble) manage(method, path string, body []byte) []byte {
	p.t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("User-Agent", "pebbletest")
	w := httptest.NewRecorder()
	p.management.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		p.t.Fatalf("pebbletest: %s %s: %d %q", method, path, w.Code, w.Body)
	}
	return w.Body.Bytes()
}
