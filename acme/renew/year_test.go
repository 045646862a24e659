package renew_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme"
	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/internal/memkv"
)

// A year of each lifetime at an authority: at no time is there no certificate that is
// good, and none is renewed twice in its time. Now and then the authority is out of
// order for hours, and the program ends.
func TestYear(t *testing.T) {
	for _, life := range []time.Duration{90 * day, 47 * day, 45 * day, 6 * day} {
		for _, ari := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v days, ARI %v", life.Hours()/24, ari), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { year(t, life, ari) })
			})
		}
	}
}

func year(t *testing.T, life time.Duration, ari bool) {
	from := time.Now()
	broken := func() bool { return int(time.Since(from).Hours())%40 >= 35 }
	ca := acmetest.NewCA(t, acmetest.CAOptions{
		InMemory: true, Lifetime: life, NoRenewalInfo: !ari, Reuse: true,
		Intercept: func(w http.ResponseWriter, _ *http.Request, resource string) bool {
			if !broken() {
				return false
			}
			acmetest.WriteProblem(w, http.StatusServiceUnavailable, "serverInternal", "out of order")
			return true
		},
	})
	key, err := acme.NewKey(acme.EC256)
	require.NoError(t, err)
	store := &renew.KVStore{KV: new(memkv.Store)}
	open := func() (*renew.Manager, func()) {
		m := &renew.Manager{
			Issuer: &acme.Client{Directory: ca.URL(), HTTP: ca.HTTPClient(), Key: key},
			Solver: solver{}, Store: store,
		}
		require.NoError(t, m.Add("a.example", acme.Request{Names: []string{"a.example", "*.a.example"}}))
		return m, start(t, m)
	}
	m, stop := open()
	for h := 0; h < 365*24; h += 3 {
		<-time.After(3 * time.Hour)
		if h%(24*11) == 0 {
			stop()
			m, stop = open()
			<-time.After(time.Minute)
		}
		synctest.Wait()
		c, err := m.GetCertificate(hello("www.a.example"))
		require.NoError(t, err)
		require.True(t, time.Now().Before(c.Leaf.NotAfter), "a gap after %v: %s", time.Since(from), m.Status()[0].Words)
		require.True(t, time.Now().After(c.Leaf.NotBefore))
	}
	stop()
	checkYear(t, ca.Issued(), life)
}

// A year at an authority with bad days: it is down for up to a day, or refuses a share of
// all requests for hours, or gives no windows, and the program ends when it likes. There is
// no gap, and no certificate comes before its time.
func TestBadYear(t *testing.T) {
	for _, life := range []time.Duration{90 * day, 47 * day, 45 * day, 6 * day} {
		t.Run(fmt.Sprintf("%v days", life.Hours()/24), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { badYear(t, life, 1) })
		})
	}
}

// weather is how an authority is at a time.
type weather struct {
	mu      sync.Mutex
	chance  *rand.Rand
	until   time.Time // when it changes
	down    bool
	faults  int  // of a hundred requests
	windows bool // it answers questions about windows
}

func (s *weather) answers(w http.ResponseWriter, resource string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.After(s.until) {
		bad := s.down || s.faults > 0
		s.down, s.faults, s.windows = false, 0, s.chance.IntN(3) > 0
		hours := 12 + s.chance.IntN(48)
		switch {
		case bad: // a bad time is followed by a good one
		case s.chance.IntN(2) == 0:
			s.down, hours = true, 1+s.chance.IntN(24)
		default:
			s.faults, hours = 20+s.chance.IntN(70), 1+s.chance.IntN(24)
		}
		s.until = now.Add(time.Duration(hours) * time.Hour)
	}
	if resource == acmetest.CARenewalInfo && !s.windows || s.down || s.chance.IntN(100) < s.faults {
		acmetest.WriteProblem(w, http.StatusServiceUnavailable, "serverInternal", "out of order")
		return true
	}
	return false
}

func badYear(t *testing.T, life time.Duration, seed uint64) {
	sky := &weather{chance: rand.New(rand.NewPCG(seed, 0))}
	ca := acmetest.NewCA(t, acmetest.CAOptions{
		InMemory: true, Lifetime: life,
		Intercept: func(w http.ResponseWriter, _ *http.Request, resource string) bool { return sky.answers(w, resource) },
	})
	chance := rand.New(rand.NewPCG(seed, 1))
	c, store := client(t, ca), &renew.KVStore{KV: new(memkv.Store)}
	m, seen := manage(t, c, store, "a.example")
	stop := start(t, m)
	<-time.After(2 * day) // the first has to come through
	var got []*x509.Certificate
	for from := time.Now(); time.Since(from) < 365*day; {
		<-time.After(2 * time.Hour)
		if chance.IntN(100) == 0 {
			stop()
			<-time.After(time.Duration(chance.IntN(10)) * time.Hour)
			got = append(got, seen.leaves()...)
			m, seen = manage(t, c, store, "a.example")
			stop = start(t, m)
			<-time.After(time.Minute)
		}
		synctest.Wait()
		c, err := m.GetCertificate(hello("a.example"))
		require.NoError(t, err)
		require.True(t, time.Now().Before(c.Leaf.NotAfter), "a gap after %v: %s", time.Since(from), m.Status()[0].Words)
	}
	stop()
	// Of those that the authority made some may not have come through.
	got = append(got, seen.leaves()...)
	checkYear(t, got, life)
	require.LessOrEqual(t, len(ca.Issued()), len(got)+len(got)/4)
}

// A wall clock that is a day wrong now and then, in either direction, costs neither a gap
// nor a certificate (R10).
func TestClockJumps(t *testing.T) {
	for _, life := range []time.Duration{90 * day, 6 * day} {
		t.Run(fmt.Sprintf("%v days", life.Hours()/24), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { clockJumps(t, life) })
		})
	}
}

func clockJumps(t *testing.T, life time.Duration) {
	var wrong atomic.Int64 // by how much
	ca := acmetest.NewCA(t, acmetest.CAOptions{InMemory: true, Lifetime: life, Reuse: true})
	m, seen := manage(t, client(t, ca), &renew.KVStore{KV: new(memkv.Store)}, "a.example")
	m.Now = func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }
	stop := start(t, m)
	<-time.After(time.Minute)
	chance := rand.New(rand.NewPCG(7, 7))
	for from := time.Now(); time.Since(from) < 2*365*day; {
		wrong.Store(int64(time.Duration(chance.IntN(3)-1) * day))
		<-time.After(time.Duration(1+chance.IntN(30)) * time.Hour)
		synctest.Wait()
		got, err := m.GetCertificate(hello("a.example"))
		require.NoError(t, err)
		require.True(t, time.Now().Before(got.Leaf.NotAfter), "a gap after %v: %s", time.Since(from), m.Status()[0].Words)
	}
	stop()
	require.Zero(t, seen.count(renew.Failed)+seen.count(renew.StoreFailed))
	all := ca.Issued()
	checkYear(t, all[:yearOf(all)], life)
}

// yearOf is how many of the certificates are of the first year.
func yearOf(all []*x509.Certificate) int {
	return sort.Search(len(all), func(i int) bool { return all[i].NotBefore.Sub(all[0].NotBefore) > 365*day })
}

// A clock that is set back by a day must not make what is due late by a day.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wrong atomic.Int64
		wrong.Store(int64(day))
		i := newIssuer(t)
		m, _ := manage(t, i, &renew.KVStore{KV: new(memkv.Store)}, "a.example")
		m.Now = func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }
		i.set(func(int) error { return errors.New("out of order") })
		defer start(t, m)()
		<-time.After(time.Hour) // after 3 failures, the next try is in an hour
		wrong.Store(0)
		i.set(nil)
		<-time.After(90 * time.Minute)
		require.NotEmpty(t, serial(t, m, "a.example"))
	})
}

// checkYear fails if a certificate was replaced before its time, or late.
func checkYear(t *testing.T, all []*x509.Certificate, life time.Duration) {
	share := 2.0 / 3
	if life < 10*day {
		share = 0.5
	}
	for i := range all[1:] {
		age := all[i+1].NotBefore.Sub(all[i].NotBefore).Hours() / life.Hours()
		require.GreaterOrEqual(t, age, share-0.25, "certificate %d", i)
		require.LessOrEqual(t, age, 0.96, "certificate %d", i)
	}
	years := 365 * day.Hours() / life.Hours()
	require.GreaterOrEqual(t, float64(len(all)), years)
	require.LessOrEqual(t, float64(len(all)), years/(share-0.25)+1)
}

// Whatever the authority says about windows, there is never more than one certificate
// in a window, and never a gap (R1, R2).
func TestBadWindows(t *testing.T) {
	always := func(start, end time.Duration) func(*x509.Certificate) (acme.RenewalInfo, error) {
		return func(leaf *x509.Certificate) (acme.RenewalInfo, error) {
			id, err := acme.CertID(leaf)
			return acme.RenewalInfo{CertID: id, Start: leaf.NotBefore.Add(start), End: leaf.NotBefore.Add(end), RetryAfter: 6 * time.Hour}, err
		}
	}
	first := "" // the window is always that of the first certificate
	tests := []struct {
		name   string
		window func(*x509.Certificate) (acme.RenewalInfo, error)
		most   int // certificates of 90 days in a year
	}{
		{"an error", func(*x509.Certificate) (acme.RenewalInfo, error) {
			return acme.RenewalInfo{}, errors.New("404 page not found")
		}, 7},
		{"zero", func(*x509.Certificate) (acme.RenewalInfo, error) {
			return acme.RenewalInfo{RetryAfter: 6 * time.Hour}, nil
		}, 7},
		{"far past", always(-1000*day, -999*day), 7},
		{"backwards", always(50*day, 49*day), 7},
		{"far future", always(1000*day, 1001*day), 5},
		{"always at once", always(-day, 2*time.Hour), 20},
		{"another's", func(leaf *x509.Certificate) (acme.RenewalInfo, error) {
			id, err := acme.CertID(leaf)
			if first == "" {
				first = id
			}
			return acme.RenewalInfo{CertID: first, Start: leaf.NotBefore.Add(30 * day), End: leaf.NotBefore.Add(31 * day), RetryAfter: 6 * time.Hour}, err
		}, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t)
				i.backdate, i.window = time.Hour, tt.window
				m := &renew.Manager{Issuer: i, Solver: solver{}, Store: &renew.KVStore{KV: new(memkv.Store)}}
				require.NoError(t, m.Add("a.example", acme.Request{Names: []string{"a.example"}}))
				stop := start(t, m)
				for range 365 {
					<-time.After(day)
					c, err := m.GetCertificate(hello("a.example"))
					require.NoError(t, err)
					require.True(t, time.Now().Before(c.Leaf.NotAfter))
				}
				stop()
				_, issued := i.count()
				require.GreaterOrEqual(t, issued, 5)
				require.LessOrEqual(t, issued, tt.most)
			})
		})
	}
}
