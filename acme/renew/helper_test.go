package renew_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/renew"
)

const day = 24 * time.Hour

// issuer is an authority that does as it is told.
type issuer struct {
	t        testing.TB
	life     time.Duration // 0 is 90 days
	backdate time.Duration
	key      crypto.Signer
	keyPEM   []byte
	refuse   func(try int) error
	window   func(leaf *x509.Certificate) (acme.RenewalInfo, error)
	now      func() time.Time
	// enter, if not nil, is called at the beginning of each Obtain.
	enter func(ctx context.Context)
	// stubborn issues also when ctx has ended.
	stubborn bool

	mu       sync.Mutex
	tries    []time.Time
	requests []acme.Request
	issued   []*x509.Certificate
	asked    int
}

func newIssuer(t testing.TB) *issuer {
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	text, err := acme.MarshalKey(key)
	require.NoError(t, err)
	return &issuer{t: t, life: 90 * day, key: key, keyPEM: text, now: time.Now}
}

func (i *issuer) Obtain(ctx context.Context, r acme.Request, _ acme.Solver) (*acme.Certificate, error) {
	if i.enter != nil {
		i.enter(ctx)
	}
	if err := ctx.Err(); err != nil && !i.stubborn {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tries = append(i.tries, i.now())
	i.requests = append(i.requests, r)
	if i.refuse != nil {
		if err := i.refuse(len(i.tries)); err != nil {
			return nil, err
		}
	}
	leaf, text := i.make(r.Names...)
	i.issued = append(i.issued, leaf)
	return &acme.Certificate{
		Names: r.Names, Key: i.key, KeyPEM: i.keyPEM, Leaf: leaf, ChainPEM: text, Replaced: r.Replaces != nil && i.window != nil,
	}, nil
}

// make makes a certificate that begins now.
func (i *issuer) make(names ...string) (*x509.Certificate, []byte) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(i.t, err)
	from := i.now().Add(-i.backdate)
	leaf := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "leaf"}, DNSNames: names,
		NotBefore: from, NotAfter: from.Add(i.life), AuthorityKeyId: []byte("authority"),
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, SubjectKeyId: []byte("authority")}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, i.key.Public(), i.key)
	require.NoError(i.t, err)
	leaf, err = x509.ParseCertificate(der)
	require.NoError(i.t, err)
	return leaf, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func (i *issuer) bundle(names ...string) *renew.Bundle {
	_, text := i.make(names...)
	return &renew.Bundle{KeyPEM: i.keyPEM, ChainPEM: text}
}

func (i *issuer) RenewalInfo(_ context.Context, leaf *x509.Certificate) (acme.RenewalInfo, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	if i.window == nil {
		return acme.RenewalInfo{}, acme.ErrNoRenewalInfo
	}
	return i.window(leaf)
}

// set changes refuse, also when managers are at work.
func (i *issuer) set(refuse func(try int) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refuse = refuse
}

func (i *issuer) count() (tries, issued int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.tries), len(i.issued)
}

// solver solves nothing: the authorities of these tests believe us.
type solver struct{}

func (solver) Present(context.Context, acme.Challenge) (acme.Presented, error) { return solver{}, nil }
func (solver) Ready(context.Context) error                                     { return nil }
func (solver) CleanUp(context.Context) error                                   { return nil }

// start runs a manager until the test ends, or until it is stopped.
func start(t testing.TB, m *renew.Manager) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

func hello(name string) *tls.ClientHelloInfo { return &tls.ClientHelloInfo{ServerName: name} }
