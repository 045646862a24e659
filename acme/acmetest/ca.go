package acmetest

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Resources of a CA, as [CAOptions].Intercept and [CA.Requests] name them.
const (
	CADirectory   = "directory"
	CANewNonce    = "newNonce"
	CANewAccount  = "newAccount"
	CAAccount     = "account"
	CANewOrder    = "newOrder"
	CAOrder       = "order"
	CAFinalize    = "finalize"
	CAAuthz       = "authz"
	CAChallenge   = "challenge"
	CACertificate = "certificate"
	CARevoke      = "revokeCert"
	CAKeyChange   = "keyChange"
	CARenewalInfo = "renewalInfo"
)

// CAOptions are the knobs of a [CA]. The zero value is an authority where all
// goes well and every challenge is valid.
type CAOptions struct {
	// InMemory makes [CA.HTTPClient] call the authority without a socket.
	InMemory bool
	// BadNonces is how many of a hundred good nonces are refused.
	BadNonces int
	// Faults is how many of a hundred POSTs are answered 503.
	Faults int
	// RetryAfter goes out with authorizations and orders that are not done. "" is
	// none. A number of seconds goes out as a date every other time.
	RetryAfter string
	// SlowValidation and SlowIssuing are how often an authorization, or an order,
	// is asked for before it is done. 0 is once.
	SlowValidation, SlowIssuing int
	// Immediate looks at a challenge and issues before it answers, as some do. It
	// looks while it does nothing else.
	Immediate bool
	// EAB has the secrets of external accounts by their names. Not nil: an
	// account needs one.
	EAB map[string][]byte
	// Profiles are the profiles of the directory, with their descriptions.
	Profiles map[string]string
	// TermsOfService is the URL in the directory. Not "": an account must agree.
	TermsOfService string
	// Reuse keeps what an account has proved: new orders have it valid, and are
	// ready if it is all.
	Reuse bool
	// Issuers are the common names of roots. The first is that of the default
	// chain, each further one of an alternate. None is "acmetest root".
	Issuers []string
	// Lifetime is how long certificates live. 0 is 90 days.
	Lifetime time.Duration
	// Backdate is how long before their making certificates begin. 0 is an hour,
	// as it is at large authorities.
	Backdate time.Duration
	// NoRenewalInfo leaves ARI out of the directory.
	NoRenewalInfo bool
	// TXT returns the values of the TXT records at a name with its final dot:
	// [DNS.TXT], for example. Challenges by DNS are valid if the right one is
	// among them. Nil looks at nothing.
	TXT func(name string) []string
	// Validate decides about a challenge after TXT. Nil has no objection. An
	// error makes the challenge invalid; its text goes to the client.
	Validate func(ctx context.Context, v Validation) error
	// Intercept sees each request with the resource it is for, before the
	// authority. True says that it has answered.
	Intercept func(w http.ResponseWriter, r *http.Request, resource string) bool
}

// Validation is a challenge that the client says it has answered.
type Validation struct {
	Type, Identifier string
	Wildcard         bool
	KeyAuth          string // "" for dns-persist-01
}

// CA is a certificate authority.
type CA struct {
	t      testing.TB
	o      CAOptions
	server *httptest.Server // nil in memory
	chains []*caChain

	ctx     context.Context // of validations
	running sync.WaitGroup

	mu       sync.Mutex
	nonces   map[string]bool       // guarded by mu, as all below
	accounts map[string]*caAccount // by URL
	orders   map[string]*caOrder   // by number
	authzs   map[string]*caAuthz   // by number
	certs    map[string]*caCert    // by number
	ari      map[string]string     // texts by CertID
	requests map[string]int
	random   uint64
	number   int
}

// NewCA starts an authority, which ends with the test.
func NewCA(t testing.TB, o CAOptions) *CA {
	t.Helper()
	ca := &CA{
		t: t, o: o,
		nonces: map[string]bool{}, accounts: map[string]*caAccount{}, orders: map[string]*caOrder{},
		authzs: map[string]*caAuthz{}, certs: map[string]*caCert{}, ari: map[string]string{}, requests: map[string]int{},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ca.ctx = ctx
	t.Cleanup(func() {
		cancel()
		ca.running.Wait()
	})
	ca.chains = ca.newChains()
	if !o.InMemory {
		ca.server = httptest.NewUnstartedServer(ca)
		ca.server.EnableHTTP2 = true
		ca.server.StartTLS()
		t.Cleanup(ca.server.Close)
	}
	return ca
}

// URL is that of the directory.
func (ca *CA) URL() string { return ca.base() + "/" + CADirectory }

func (ca *CA) base() string {
	if ca.server == nil {
		return "https://ca.invalid"
	}
	return ca.server.URL
}

// HTTPClient trusts the authority's server.
func (ca *CA) HTTPClient() *http.Client {
	if ca.server == nil {
		return &http.Client{Transport: caTransport{ca}}
	}
	return ca.server.Client()
}

// Roots are the roots of the certificates, those of the alternate chains too.
func (ca *CA) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range ca.chains {
		pool.AddCert(c.root)
	}
	return pool
}

// Requests is how many requests there were for a resource, of whatever outcome.
func (ca *CA) Requests(resource string) int {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return ca.requests[resource]
}

// Issued are the certificates in the order of their making.
func (ca *CA) Issued() []*x509.Certificate {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	var certs []*x509.Certificate
	for n := range ca.number + 1 {
		if c := ca.certs[caNumber(n)]; c != nil {
			certs = append(certs, c.leaf)
		}
	}
	return certs
}

// Revoked says whether a certificate is revoked, and with which reason.
func (ca *CA) Revoked(cert *x509.Certificate) (reason int, ok bool) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	for _, c := range ca.certs {
		if c.leaf.Equal(cert) && c.revoked {
			return c.reason, true
		}
	}
	return 0, false
}

// SetRenewalInfo makes text the answer about a certificate, whatever it is. ""
// is the authority's own again.
func (ca *CA) SetRenewalInfo(cert *x509.Certificate, text string) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.ari[caCertID(cert)] = text
}

// caTransport calls the authority without a socket.
type caTransport struct{ ca *CA }

func (t caTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	done := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		t.ca.ServeHTTP(w, r.Clone(r.Context()))
		done <- w.Result()
	}()
	select {
	case resp := <-done:
		resp.Request = r
		return resp, nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}
