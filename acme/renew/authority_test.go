package renew_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/memkv"
)

// client is an account at the authority.
func client(t testing.TB, ca *acmetest.CA) *acme.Client {
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	return &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key}
}

// orderNames are those that a request for an order is about. The request can still be
// read.
func orderNames(r *http.Request) (names []string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var message struct{ Payload string }
	var order struct{ Identifiers []struct{ Value string } }
	if json.Unmarshal(body, &message) != nil {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(message.Payload)
	if err != nil || json.Unmarshal(payload, &order) != nil {
		return nil
	}
	for _, id := range order.Identifiers {
		names = append(names, id.Value)
	}
	return names
}

// A certificate that the authority wants to hear nothing about waits as long as that
// says, also over a restart, and the others go on (R7).
func TestRateLimited(t *testing.T) {
	for _, asDate := range []bool{false, true} {
		t.Run(fmt.Sprintf("date %v", asDate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				from := time.Now()
				var mu sync.Mutex
				var tries []time.Duration
				ca := acmetest.NewCA(t, acmetest.CAOptions{
					InMemory: true,
					Intercept: func(w http.ResponseWriter, r *http.Request, resource string) bool {
						if resource != acmetest.CANewOrder || !slices.Contains(orderNames(r), "b.example") {
							return false
						}
						mu.Lock()
						defer mu.Unlock()
						tries = append(tries, time.Since(from))
						if len(tries) > 2 {
							return false
						}
						after := "7200"
						if asDate {
							after = time.Now().Add(2 * time.Hour).UTC().Format(http.TimeFormat)
						}
						w.Header().Set("Retry-After", after)
						acmetest.WriteProblem(w, http.StatusTooManyRequests, "rateLimited", "too many for b.example")
						return true
					},
				})
				soFar := func() []time.Duration {
					mu.Lock()
					defer mu.Unlock()
					return slices.Clone(tries)
				}
				s, c := &renew.KVStore{KV: new(memkv.Store)}, client(t, ca)
				names := []string{"a.example", "b.example", "c.example"}
				m, seen := manage(t, c, s, names...)
				stop := start(t, m)
				<-time.After(time.Minute)
				require.NotEmpty(t, serial(t, m, "a.example"))
				require.NotEmpty(t, serial(t, m, "c.example"))
				require.Equal(t, []renew.Kind{renew.Failed}, seen.kinds("b.example"))
				require.Contains(t, m.Status()[1].Words, "rateLimited")
				require.Contains(t, m.Status()[1].Words, "waits after a failure")
				stop()
				m, seen = manage(t, c, s, names...)
				defer start(t, m)()
				<-time.After(time.Hour)
				require.Len(t, soFar(), 1)
				<-time.After(7 * time.Hour)
				synctest.Wait()
				require.Equal(t, []renew.Kind{renew.Failed, renew.Issued}, seen.kinds("b.example"))
				at := soFar()
				require.Len(t, at, 3)
				for i := range at[1:] {
					require.GreaterOrEqual(t, at[i+1]-at[i], 2*time.Hour-time.Second)
					require.LessOrEqual(t, at[i+1]-at[i], 2*time.Hour+15*time.Minute)
				}
				require.Len(t, ca.Issued(), 3)
			})
		})
	}
}

// No answer about a window, and no bad one, makes a certificate come at another time than
// it would without windows (R1, R2). Certificates begin an hour before they are made.
func TestBadRenewalInfo(t *testing.T) {
	text := func(status int, kind, body string) func(http.ResponseWriter, *http.Request, *x509.Certificate) {
		return func(w http.ResponseWriter, _ *http.Request, _ *x509.Certificate) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	window := func(start, end time.Duration) func(http.ResponseWriter, *http.Request, *x509.Certificate) {
		return func(w http.ResponseWriter, _ *http.Request, first *x509.Certificate) {
			_, _ = io.WriteString(w, acmetest.RenewalWindow(first.NotBefore.Add(start), first.NotBefore.Add(end)))
		}
	}
	const page = "<!DOCTYPE html><title>Maintenance</title>"
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request, first *x509.Certificate){
		"404":         text(404, "application/problem+json", `{"type":"urn:ietf:params:acme:error:malformed","detail":"no such certificate"}`),
		"404 in HTML": text(404, "text/html", page),
		"500":         text(500, "text/plain", "internal error"),
		"503 with a window": func(w http.ResponseWriter, _ *http.Request, _ *x509.Certificate) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, acmetest.RenewalWindow(time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
		},
		"HTML":      text(200, "text/html", page),
		"nothing":   text(200, "application/json", ""),
		"no window": text(200, "application/json", "{}"),
		"null":      text(200, "application/json", `{"suggestedWindow":null}`),
		"a time that is none": text(200, "application/json",
			`{"suggestedWindow":{"start":"now","end":"later"}}`),
		"no answer":   func(_ http.ResponseWriter, r *http.Request, _ *x509.Certificate) { <-r.Context().Done() },
		"backwards":   window(50*time.Hour, 49*time.Hour),
		"of no time":  window(50*time.Hour, 50*time.Hour),
		"far past":    window(-10000*time.Hour, -9000*time.Hour),
		"far future":  window(1e6*time.Hour, 2e6*time.Hour),
		"too long":    text(200, "application/json", `{"explanationURL":"`+strings.Repeat("x", 1<<20)+`"}`),
		"of long ago": window(-2*time.Hour, -time.Hour), // another certificate's
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { badRenewalInfo(t, 6*day, answer) })
		})
		if name == "404" || name == "far past" {
			t.Run(name+", 90 days", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { badRenewalInfo(t, 90*day, answer) })
			})
		}
	}
}

func badRenewalInfo(t *testing.T, life time.Duration, answer func(http.ResponseWriter, *http.Request, *x509.Certificate)) {
	var ca *acmetest.CA
	ca = acmetest.NewCA(t, acmetest.CAOptions{
		InMemory: true, Lifetime: life, Reuse: true,
		Intercept: func(w http.ResponseWriter, r *http.Request, resource string) bool {
			if resource != acmetest.CARenewalInfo {
				return false
			}
			answer(w, r, ca.Issued()[0])
			return true
		},
	})
	m, seen := manage(t, client(t, ca), &renew.KVStore{KV: new(memkv.Store)}, "a.example")
	m.Policy.Jitter = -1
	stop := start(t, m)
	share, span := 2.0/3, 2*life
	if life < 10*day {
		share, span = 0.5, 4*life
	}
	<-time.After(span)
	stop()
	all := ca.Issued()
	require.Len(t, all, 1+int(span.Hours()/(share*life.Hours()-1)))
	for i := range all[1:] {
		age := all[i+1].NotBefore.Sub(all[i].NotBefore).Hours() / life.Hours()
		require.InDelta(t, share, age, 0.02, "certificate %d", i)
	}
	require.Greater(t, seen.count(renew.NoWindow), 10)
	require.Zero(t, seen.count(renew.Failed))
}

// An authority that wants each certificate back at once gets fewer and fewer (R2).
func TestAlwaysNow(t *testing.T) {
	for _, life := range []time.Duration{90 * day, 6 * day} {
		t.Run(fmt.Sprintf("%v days", life.Hours()/24), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := acmetest.NewCA(t, acmetest.CAOptions{
					InMemory: true, Lifetime: life, Reuse: true,
					Intercept: func(w http.ResponseWriter, _ *http.Request, resource string) bool {
						if resource != acmetest.CARenewalInfo {
							return false
						}
						w.Header().Set("Retry-After", "0")
						_, _ = io.WriteString(w, acmetest.RenewalWindow(time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
						return true
					},
				})
				m, _ := manage(t, client(t, ca), &renew.KVStore{KV: new(memkv.Store)}, "a.example")
				stop := start(t, m)
				<-time.After(4 * life)
				stop()
				all := ca.Issued()
				require.GreaterOrEqual(t, len(all), 6) // it is heard
				require.LessOrEqual(t, len(all), 20)
				for i := range all[1:] {
					require.GreaterOrEqual(t, all[i+1].NotBefore.Sub(all[i].NotBefore), min(day, life/4)-time.Hour)
				}
			})
		})
	}
}

// A certificate of another authority, or of another account, is renewed all the same.
func TestOtherAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &renew.KVStore{KV: new(memkv.Store)}
		var clients []*acme.Client
		for range 2 {
			clients = append(clients, client(t, acmetest.NewCA(t, acmetest.CAOptions{InMemory: true})))
		}
		var last string
		for _, c := range []*acme.Client{clients[0], clients[0], clients[1]} {
			m, seen := manage(t, c, s, "a.example")
			stop := start(t, m)
			<-time.After(day) // it has a window
			require.NoError(t, m.Renew("a.example"))
			<-time.After(5 * time.Minute)
			require.NotEqual(t, last, serial(t, m, "a.example"))
			last = serial(t, m, "a.example")
			require.LessOrEqual(t, seen.count(renew.Failed), 1)
			stop()
		}
	})
}

// Budgets are kept over a restart.
func TestAccountBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, s := newIssuer(t), &renew.KVStore{KV: new(memkv.Store)}
		var names []string
		for n := range 8 {
			names = append(names, fmt.Sprintf("n%d.example", n))
		}
		open := func() func() {
			m, _ := manage(t, i, s, names...)
			m.Policy.AccountBudget = renew.Budget{N: 3, Per: 3 * time.Hour}
			return start(t, m)
		}
		stop := open()
		for hour := range 5 {
			<-time.After(30 * time.Minute)
			tries, issued := i.count()
			require.Equal(t, []int{3 + hour, 3 + hour}, []int{tries, issued}, "hour %d", hour)
			stop()
			stop = open()
			<-time.After(30 * time.Minute)
		}
		<-time.After(time.Minute)
		_, issued := i.count()
		require.Equal(t, 8, issued)
	})
}

// Certificates for the same names are bounded, unless the authority says that they are
// replacements.
func TestNamesBudget(t *testing.T) {
	for _, ari := range []bool{false, true} {
		t.Run(fmt.Sprintf("ARI %v", ari), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t)
				i.life = day // renewed after half of it
				if ari {
					i.window = func(leaf *x509.Certificate) (acme.RenewalInfo, error) {
						id, err := acme.CertID(leaf)
						return acme.RenewalInfo{CertID: id, Start: leaf.NotBefore.Add(11 * time.Hour), End: leaf.NotBefore.Add(12 * time.Hour), RetryAfter: time.Hour}, err
					}
				}
				m, _ := manage(t, i, &renew.KVStore{KV: new(memkv.Store)}, "a.example")
				defer start(t, m)()
				held := false
				for range 7 * 24 {
					<-time.After(time.Hour)
					synctest.Wait()
					held = held || strings.Contains(m.Status()[0].Words, "the budget of certificates for these names is used up, until 2000")
				}
				require.Equal(t, !ari, held)
				_, issued := i.count()
				if ari {
					require.GreaterOrEqual(t, issued, 13)
					require.True(t, i.issued[4].Equal(i.requests[5].Replaces))
					return
				}
				require.LessOrEqual(t, issued, 10)
				require.GreaterOrEqual(t, issued, 9)
				require.NoError(t, m.Renew("a.example")) // all the same
				<-time.After(time.Minute)
				_, now := i.count()
				require.Equal(t, issued+1, now)
			})
		})
	}
}

// A program that ends in the middle of an order ends soon, leaves no record in the DNS,
// and goes on at once when it is started again.
func TestShutdown(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{Zones: []string{"a.example."}})
	ca := acmetest.NewCA(t, acmetest.CAOptions{TXT: d.TXT})
	d.Server(1).Hold() // the record is not seen at one server
	c, s := client(t, ca), &renew.KVStore{KV: new(memkv.Store)}
	open := func() (*renew.Manager, *events) {
		m, seen := manage(t, c, s, "a.example")
		m.Solver = &dns01.Solver{
			Provider: d, DNS: &dns01.DNS{Resolvers: []netip.AddrPort{d.Addr()}, Dial: d.Dial},
			FirstPoll: 10 * time.Millisecond, MaxPoll: 100 * time.Millisecond,
		}
		return m, seen
	}
	m, seen := open()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	const name = "_acme-challenge.a.example."
	require.Eventually(t, func() bool { return len(d.TXT(name)) == 1 }, time.Minute, 10*time.Millisecond)
	cancel(errDisk)
	select {
	case err := <-done:
		require.ErrorIs(t, err, errDisk)
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	require.Empty(t, d.TXT(name))
	require.Empty(t, seen.kinds("a.example"))
	text, err := s.LoadState(t.Context(), "a.example")
	require.NoError(t, err)
	require.NotContains(t, string(text), "failures")

	d.Server(1).Release()
	m, seen = open()
	defer start(t, m)()
	require.Eventually(t, func() bool { return len(seen.kinds("a.example")) > 0 }, time.Minute, 10*time.Millisecond)
	require.Equal(t, []renew.Kind{renew.Issued}, seen.kinds("a.example"))
	require.Empty(t, d.TXT(name))
}
