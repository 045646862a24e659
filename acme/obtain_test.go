package acme_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/stretchr/testify/require"
)

func TestObtain(t *testing.T) {
	z := new(zone)
	ca := acmetest.NewCA(t, acmetest.CAOptions{TXT: z.TXT, TermsOfService: "https://ca.invalid/terms"})
	cert, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"Example.org.", "*.example.org", "xn--bcher-kva.example", "example.org"}}, z)
	require.NoError(t, err)
	require.Equal(t, []string{"example.org", "*.example.org", "xn--bcher-kva.example"}, cert.Names)
	for _, name := range []string{"example.org", "www.example.org", "xn--bcher-kva.example"} {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: ca.Roots(), DNSName: name, Intermediates: pool(cert.Chain[1:])})
		require.NoError(t, err, name)
	}
	_, err = tls.X509KeyPair(cert.ChainPEM, cert.KeyPEM)
	require.NoError(t, err)
	require.Equal(t, 3, z.presented())
	z.requireClean(t)
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

func TestChallenge(t *testing.T) {
	for _, typ := range []string{acme.DNS01, acme.HTTP01, acme.DNSAccount01, acme.DNSPersist01} {
		t.Run(typ, func(t *testing.T) {
			ca := acmetest.NewCA(t, acmetest.CAOptions{Validate: func(_ context.Context, v acmetest.Validation) error {
				if v.Type != typ {
					return fmt.Errorf("a challenge of type %s", v.Type)
				}
				return nil
			}})
			c := client(t, ca)
			z := &zone{types: []string{"none-01", typ, acme.DNS01}}
			_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, z)
			require.NoError(t, err)
			ch := z.seen[0]
			require.Equal(t, typ, ch.Type)
			require.Equal(t, "a.example", ch.Identifier)
			account, err := c.Register(t.Context())
			require.NoError(t, err)
			require.Equal(t, account.URL, ch.AccountURL)
			if typ == acme.DNSPersist01 {
				require.Empty(t, ch.Token+ch.KeyAuth+ch.TXT)
				require.Equal(t, []string{"ca.invalid"}, ch.IssuerDomains)
				return
			}
			require.True(t, strings.HasPrefix(ch.KeyAuth, ch.Token+"."))
			require.Len(t, ch.TXT, 43)
		})
	}
}

func TestNoUsableChallenge(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	z := &zone{types: []string{acme.HTTP01}}
	_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"*.example.org"}}, z)
	require.ErrorContains(t, err, `"*.example.org"`)
	require.ErrorContains(t, err, `the solver answers ["http-01"]`)
	require.Zero(t, z.presented())
}

// All names are presented before the first is ready.
func TestNamesAtTheSameTime(t *testing.T) {
	const n = 30
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("n%d.example.org", i))
	}
	var all sync.WaitGroup
	all.Add(n)
	z := &zone{onReady: func(context.Context, acme.Challenge) error {
		all.Done()
		all.Wait()
		return nil
	}}
	ca := acmetest.NewCA(t, acmetest.CAOptions{TXT: z.TXT})
	_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: names}, z)
	require.NoError(t, err)
	z.requireClean(t)
}

// Case R8 of odd but legal orders; the shapes of answers are acmetest's own.
func TestProvedNames(t *testing.T) {
	z := new(zone)
	ca := acmetest.NewCA(t, acmetest.CAOptions{Reuse: true, TXT: z.TXT})
	c := client(t, ca)
	obtain := func(names ...string) {
		_, err := c.Obtain(t.Context(), acme.Request{Names: names}, z)
		require.NoError(t, err)
	}
	obtain("a.example")
	obtain("a.example") // the order is ready at once
	require.Equal(t, 1, z.presented())
	obtain("a.example", "b.example") // one is valid, one pending
	require.Equal(t, 2, z.presented())
	z.requireClean(t)
}

func TestSlowAuthority(t *testing.T) {
	for _, tt := range []struct {
		name, retryAfter string
		least, most      time.Duration // of seven waits
	}{
		{"doubling", "", 1100 * time.Millisecond, 20 * time.Second},
		{"asked", "7", 3 * 6 * time.Second, 5 * 7 * time.Second * 13 / 10},
		{"capped", "100000", 4 * time.Minute, 5 * time.Minute * 13 / 10},
		{"nonsense", "soon", 1100 * time.Millisecond, 20 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := new(zone)
				ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, SlowValidation: 3, SlowIssuing: 2, RetryAfter: tt.retryAfter, TXT: z.TXT})
				start := time.Now()
				_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, z)
				require.NoError(t, err)
				took := time.Since(start)
				require.GreaterOrEqual(t, took, tt.least)
				require.LessOrEqual(t, took, tt.most*2)
			})
		})
	}
}

func TestPollTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, SlowIssuing: 1 << 30})
		c := client(t, ca)
		c.Poll.Timeout = time.Hour
		start := time.Now()
		_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
		require.ErrorContains(t, err, "not done in time")
		require.ErrorContains(t, err, `"processing"`)
		require.InDelta(t, time.Hour, time.Since(start), float64(time.Minute))
	})
}

// Case R3: the context ends while the solver waits, at each step.
func TestCancel(t *testing.T) {
	errStop := errors.New("stop")
	for _, step := range []string{"present", "ready", "validation", "issuing"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				wait := func(name string) func(context.Context, acme.Challenge) error {
					return func(ctx context.Context, _ acme.Challenge) error {
						if step == name {
							<-ctx.Done()
							return ctx.Err()
						}
						return nil
					}
				}
				o := acmetest.CAOptions{InMemory: true}
				switch step {
				case "validation":
					o.SlowValidation = 1 << 30
				case "issuing":
					o.SlowIssuing = 1 << 30
				}
				z := &zone{onPresent: wait("present"), onReady: wait("ready")}
				ca := acmetest.NewCA(t, o)
				time.AfterFunc(time.Minute, func() { cancel(errStop) })
				start := time.Now()
				_, err := client(t, ca).Obtain(ctx, acme.Request{Names: []string{"a.example", "b.example"}}, z)
				require.ErrorIs(t, err, errStop)
				require.Equal(t, time.Minute, time.Since(start), "at once")
				z.requireClean(t)
			})
		})
	}
}

// A server that does not answer does not hold a context up.
func TestCancelRequest(t *testing.T) {
	for _, resource := range []string{acmetest.CADirectory, acmetest.CANewNonce, acmetest.CANewAccount, acmetest.CANewOrder, acmetest.CAAuthz, acmetest.CAFinalize} {
		t.Run(resource, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(_ http.ResponseWriter, r *http.Request, got string) bool {
					if got == resource {
						<-r.Context().Done()
					}
					return got == resource
				}})
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				_, err := client(t, ca).Obtain(ctx, acme.Request{Names: []string{"a.example"}}, new(zone))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, time.Second, time.Since(start))
			})
		})
	}
}

func TestInvalidName(t *testing.T) {
	z := new(zone)
	ca := acmetest.NewCA(t, acmetest.CAOptions{TXT: z.TXT, Validate: func(_ context.Context, v acmetest.Validation) error {
		if v.Identifier == "bad.example" {
			return errors.New("no \x1b[31mway")
		}
		return nil
	}})
	_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"good.example", "bad.example"}}, z)
	p := problem(t, err)
	require.Equal(t, acme.IncorrectResponse, p.Type)
	require.Equal(t, "bad.example", p.Identifier)
	require.NotContains(t, err.Error(), "\x1b")
	require.ErrorContains(t, err, `prove "bad.example"`)
	z.requireClean(t)
}

// Some authorities look once for each answer, and wait for another one if they find
// nothing.
func TestAnswerAgain(t *testing.T) {
	for good, want := range map[int]string{1: "", 4: "", 100: `"no TXT record"`} {
		synctest.Test(t, func(t *testing.T) {
			var ca *acmetest.CA
			ca = acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(w http.ResponseWriter, r *http.Request, resource string) bool {
				answers := ca.Requests(acmetest.CAChallenge)
				if resource != acmetest.CAAuthz || answers == 0 || answers >= good {
					return false
				}
				_, _ = fmt.Fprintf(w, `{"status":"pending","identifier":{"type":"dns","value":"a.example"},"challenges":[
					{"type":"dns-01","url":"https://ca.invalid/challenge/%s/dns-01","status":"pending","token":"t","error":{"type":"urn:ietf:params:acme:error:dns","detail":"no TXT record"}}]}`,
					path.Base(r.URL.Path))
				return true
			}})
			z := new(zone)
			_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, z)
			z.requireClean(t)
			require.Equal(t, min(good, 5), ca.Requests(acmetest.CAChallenge))
			if want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, want)
			require.Equal(t, acme.DNS, problem(t, err).Type)
		})
	}
}

// An authority may take a while to see that all names are proved.
func TestOrderNotReady(t *testing.T) {
	for name, status := range map[string]string{"later": "ready", "never": "invalid"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ca *acmetest.CA
				ca = acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(w http.ResponseWriter, _ *http.Request, resource string) bool {
					switch {
					case resource == acmetest.CAFinalize && ca.Requests(acmetest.CAOrder) == 0:
						acmetest.WriteProblem(w, 403, "orderNotReady", "not yet")
					case resource == acmetest.CAOrder && ca.Requests(acmetest.CAOrder) < 3:
						_, _ = fmt.Fprint(w, `{"status":"pending"}`)
					case resource == acmetest.CAOrder && status == "invalid":
						_, _ = fmt.Fprint(w, `{"status":"invalid","error":{"type":"urn:ietf:params:acme:error:caa","detail":"no"}}`)
					case resource == acmetest.CAOrder && ca.Requests(acmetest.CAOrder) == 3:
						_, _ = fmt.Fprint(w, `{"status":"ready"}`) // the URL to finalize is known
					default:
						return false
					}
					return true
				}})
				_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
				if status == "invalid" {
					require.Equal(t, acme.CAA, problem(t, err).Type)
					return
				}
				require.NoError(t, err)
				require.Equal(t, 2, ca.Requests(acmetest.CAFinalize))
			})
		})
	}
}

// One that looks before it answers needs no wait.
func TestValidAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Immediate: true, TXT: z.TXT})
		start := time.Now()
		_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example", "b.example"}}, z)
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
		z.requireClean(t)
	})
}

func TestSolverFails(t *testing.T) {
	errFull := errors.New("disk full")
	fail := func(_ context.Context, ch acme.Challenge) error {
		if ch.Identifier == "b.example" {
			return errFull
		}
		return nil
	}
	for name, z := range map[string]*zone{"present": {onPresent: fail}, "ready": {onReady: fail}} {
		t.Run(name, func(t *testing.T) {
			ca := acmetest.NewCA(t, acmetest.CAOptions{})
			_, err := client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example", "b.example", "c.example"}}, z)
			require.ErrorIs(t, err, errFull)
			require.NotContains(t, err.Error(), "another name", "the cause alone")
			z.requireClean(t)
			require.Zero(t, ca.Requests(acmetest.CAFinalize))
		})
	}
}

// Case R7: one order is limited, the others go on.
func TestRateLimit(t *testing.T) {
	for _, tt := range []struct{ name, header string }{
		{"seconds", "3600"},
		{"date", "Sat, 01 Jan 2000 01:00:00 GMT"}, // bubbles begin at 00:00
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var limited atomic.Bool
				ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Intercept: func(w http.ResponseWriter, _ *http.Request, resource string) bool {
					if resource != acmetest.CANewOrder || limited.Swap(true) {
						return false
					}
					w.Header().Set("Retry-After", tt.header)
					acmetest.WriteProblem(w, 429, "rateLimited", "too many certificates")
					return true
				}})
				c := client(t, ca)
				_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}}, new(zone))
				p := problem(t, err)
				require.Equal(t, 429, p.Status)
				require.Equal(t, acme.RateLimited, p.Type)
				require.Equal(t, time.Hour, p.RetryAfter)
				require.True(t, p.Temporary())
				require.Equal(t, 1, ca.Requests(acmetest.CANewOrder), "not tried again")
				_, err = c.Obtain(t.Context(), acme.Request{Names: []string{"b.example"}}, new(zone))
				require.NoError(t, err)
			})
		})
	}
}

// Case R16: many orders at once, with bad nonces and faults.
func TestManyOrders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := new(zone)
		ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, BadNonces: 30, Faults: 5, TXT: z.TXT})
		c := client(t, ca)
		var all sync.WaitGroup
		errs := make([]error, 200)
		for i := range errs {
			all.Go(func() {
				_, errs[i] = c.Obtain(t.Context(), acme.Request{Names: []string{fmt.Sprintf("n%d.example", i)}}, z)
			})
		}
		all.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Len(t, ca.Issued(), len(errs))
		z.requireClean(t)
	})
}

func TestPreferredChain(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{Issuers: []string{"Old Root", "New Root", "Third Root"}})
	c := client(t, ca)
	for preferred, want := range map[string]string{
		"": "Old Root", "Old Root": "Old Root", "New Root": "New Root", "Third Root": "Third Root", "No Root": "Old Root",
	} {
		cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, PreferredChain: preferred}, new(zone))
		require.NoError(t, err)
		require.Equal(t, want, cert.Chain[len(cert.Chain)-1].Issuer.CommonName)
	}
}

func TestProfile(t *testing.T) {
	none := acmetest.NewCA(t, acmetest.CAOptions{})
	_, err := client(t, none).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Profile: "short"}, new(zone))
	require.NoError(t, err, "not sent to an authority without profiles")

	ca := acmetest.NewCA(t, acmetest.CAOptions{Profiles: map[string]string{"classic": "", "short": ""}})
	_, err = client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Profile: "short"}, new(zone))
	require.NoError(t, err)
	_, err = client(t, ca).Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Profile: "long"}, new(zone))
	require.ErrorContains(t, err, `no profile "long", but ["classic" "short"]`)
}

func TestReplaces(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	obtain := func(old *x509.Certificate) *acme.Certificate {
		cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Replaces: old}, new(zone))
		require.NoError(t, err)
		return cert
	}
	first := obtain(nil)
	require.False(t, first.Replaced)
	require.True(t, obtain(first.Leaf).Replaced)
	require.False(t, obtain(first.Leaf).Replaced, "replaced already: ordered without")
}

func TestRequestKey(t *testing.T) {
	ca := acmetest.NewCA(t, acmetest.CAOptions{})
	c := client(t, ca)
	_, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Key: c.Key}, new(zone))
	require.ErrorContains(t, err, "account's key")
	for _, typ := range []acme.KeyType{acme.EC384, acme.RSA2048} {
		key, err := acme.NewKey(typ)
		require.NoError(t, err)
		cert, err := c.Obtain(t.Context(), acme.Request{Names: []string{"a.example"}, Key: key}, new(zone))
		require.NoError(t, err)
		require.Equal(t, key, cert.Key)
		back, err := acme.ParseKey(cert.KeyPEM)
		require.NoError(t, err)
		require.Equal(t, key, back)
	}
}
