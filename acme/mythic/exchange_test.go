package mythic_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/dns01"
	"github.com/mythic-beasts/hostkit/acme/mythic"
)

// providers are both clients of a fake.
func providers(m *acmetest.Mythic) map[string]dns01.Provider {
	return map[string]dns01.Provider{"v2": v2(m), "v1": v1(m)}
}

// place is where the API is that changes records.
var place = map[string]string{"v2": "/dns/v2/zones/example.com/records", "v1": "/"}

// A server that is busy is asked again, after as long as it says.
func TestBusy(t *testing.T) {
	for _, c := range []struct {
		name, after string
		status      int
		least, most time.Duration // until it is done
	}{
		{"rate limit, seconds", "7", http.StatusTooManyRequests, 7 * time.Second, 7 * time.Second},
		{"unavailable, seconds", "20", http.StatusServiceUnavailable, 20 * time.Second, 20 * time.Second},
		{"rate limit, a date", "Sat, 01 Jan 2000 00:00:12 GMT", http.StatusTooManyRequests, 12 * time.Second, 12 * time.Second},
		{"a date in the past", "Sat, 01 Jan 1999 00:00:12 GMT", http.StatusServiceUnavailable, 100 * time.Millisecond, time.Second},
		{"no sense", "soon", http.StatusServiceUnavailable, 100 * time.Millisecond, time.Second},
		{"does not say", "", http.StatusInternalServerError, 100 * time.Millisecond, time.Second},
		{"gateway", "", http.StatusGatewayTimeout, 100 * time.Millisecond, time.Second},
	} {
		for _, api := range []string{"v1", "v2"} {
			t.Run(c.name+" "+api, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := acmetest.NewMythic(t, nil, inMemory(t)) // bubbles begin at the start of 2000
					m.Fail(acmetest.MythicFault{Method: http.MethodPost, Path: place[api], Status: c.status, RetryAfter: c.after})
					if api == "v1" {
						m.Heal()
						m.Fail(acmetest.MythicFault{Status: c.status, RetryAfter: c.after})
					}
					start := time.Now()
					require.NoError(t, providers(m)[api].AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")))
					require.GreaterOrEqual(t, time.Since(start), c.least)
					require.LessOrEqual(t, time.Since(start), c.most)
					require.Len(t, m.Records("example.com"), 1)
				})
			})
		}
	}
}

// A rate limit is for the whole client: nobody else asks meanwhile, and if it is for
// long nobody waits.
func TestRateLimitIsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := acmetest.NewMythic(t, nil, inMemory(t))
		c := v2(m)
		_, err := c.ZoneOf(t.Context(), "example.com.")
		require.NoError(t, err)
		m.Fail(acmetest.MythicFault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "10"})
		start := time.Now()
		first := make(chan error)
		go func() { first <- c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "first")) }()
		synctest.Wait()
		require.NoError(t, errors.Join(together(t.Context(), c, 10)...))
		require.NoError(t, <-first)
		require.Equal(t, 10*time.Second, time.Since(start))
		require.Equal(t, 12, count(m, "POST"))

		m.Fail(acmetest.MythicFault{Method: http.MethodPost, Path: place["v2"], Times: -1, Status: http.StatusTooManyRequests, RetryAfter: "3600"})
		for range 3 {
			err := c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "second"))
			require.ErrorIs(t, err, mythic.ErrRateLimited)
			var limited *mythic.Error
			require.ErrorAs(t, err, &limited)
			require.Equal(t, time.Hour, limited.RetryAfter)
		}
		require.Equal(t, 13, count(m, "POST"))

		other := v2(m) // another key is not concerned
		_, err = other.ZoneOf(t.Context(), "example.com.")
		require.NoError(t, err)
		after(time.Hour)
		m.Heal()
		require.NoError(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "second")))
	})
}

// A server that stays busy is an error after some attempts, and waiting for it ends
// with the context.
func TestStaysBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for api := range place {
			m := acmetest.NewMythic(t, nil, inMemory(t))
			m.Fail(acmetest.MythicFault{Path: place[api], Method: http.MethodPost, Times: -1, Status: http.StatusServiceUnavailable, Body: "<html>"})
			p := providers(m)[api]
			err := p.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v"))
			require.ErrorContains(t, err, "the server answered 503")
			require.Equal(t, 4, count(m, "POST"))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			require.ErrorIs(t, p.AddTXT(ctx, txt("_acme-challenge.example.com.", "v")), context.DeadlineExceeded)
			cancel()
		}
	})
}

// Connections break at any point: before the request was read, or when it has been
// carried out and the answer is lost.
func TestConnectionsBreak(t *testing.T) {
	record := txt("_acme-challenge.example.com.", "v")
	for api := range place {
		for _, f := range []acmetest.MythicFault{{Close: true}, {CloseAfter: true}} {
			t.Run(fmt.Sprintf("%s %+v", api, f), func(t *testing.T) {
				m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
				p := providers(m)[api]
				f.Path = place[api]
				m.Fail(f)
				require.NoError(t, p.AddTXT(t.Context(), record))
				require.Len(t, m.Records("example.com"), 1)
				m.Fail(f)
				require.NoError(t, p.DeleteTXT(t.Context(), record))
				require.Empty(t, m.Records("example.com"))

				f.Times = -1
				m.Fail(f)
				require.ErrorContains(t, p.AddTXT(t.Context(), record), "mythic: add TXT _acme-challenge")
			})
		}
	}
}

// Connections that were idle for too long are closed by the server; nobody notices.
func TestIdleConnectionsDie(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	all := providers(m)
	for i := range 20 {
		for _, p := range all {
			require.NoError(t, p.AddTXT(t.Context(), txt(fmt.Sprintf("_acme-challenge.%d.example.com.", i), fmt.Sprintf("%p", p))))
		}
		m.CloseConnections()
	}
	require.Len(t, m.Records("example.com"), 40)
}

// A server that takes too long is given up, and asked once more.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := acmetest.NewMythic(t, nil, inMemory(t))
		m.Fail(acmetest.MythicFault{Method: http.MethodPost, Path: place["v2"], Wait: time.Hour})
		start := time.Now()
		require.NoError(t, v2(m).AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")))
		require.Equal(t, 30*time.Second, time.Since(start))
		m.Fail(acmetest.MythicFault{Times: -1, Wait: time.Hour})
		c := v1(m)
		c.Timeout = time.Second
		require.ErrorIs(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")), context.DeadlineExceeded)
		require.Equal(t, 32*time.Second, time.Since(start))
	})
}

func TestAnswerIsTooLong(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	m.Fail(acmetest.MythicFault{Times: -1, Status: http.StatusOK, Body: strings.Repeat(" ", 1<<20+1)})
	for _, p := range providers(m) {
		require.ErrorContains(t, p.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")), "more than 1048576 bytes")
	}
}

// An error has no more than some lines of what a server sent.
func TestErrorsAreShort(t *testing.T) {
	long := strings.Repeat("é", 1000)
	err := mythic.Refusal("add", http.StatusBadRequest, []byte(`{"errors":["`+strings.Repeat(long+`","`, 50)+"\x1b[2J\"]}"), "")
	require.Less(t, len(err.Error()), 8000)
	require.NotContains(t, err.Error(), "\x1b")
	err = mythic.Refusal("add", http.StatusNotFound, []byte("<html>\x1b[2J"), "")
	require.Equal(t, `mythic: add: the server answered 404: "an HTML page"; see that the zone is right, and the API's address`, err.Error())
}

// Credentials do not follow a redirect, and are not sent in the clear.
func TestNoRedirect(t *testing.T) {
	asked := 0
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer thief.Close()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		s := httptest.NewTLSServer(http.RedirectHandler(thief.URL, status))
		user := s.Client()
		user.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
		for _, p := range []dns01.Provider{
			&mythic.V2{KeyID: "k", Secret: "s", API: s.URL, Login: s.URL, HTTP: user},
			&mythic.V2{KeyID: "k", Secret: "s", API: s.URL, Basic: true, HTTP: user},
			&mythic.V1{Passwords: map[string]mythic.Secret{"example.com": "p"}, API: s.URL, HTTP: user},
		} {
			require.ErrorContains(t, p.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")), "redirects are not followed")
		}
		s.Close()
	}
	require.Zero(t, asked)
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"http://api.example.com/", "api.example.com", "https:///dns", "https://u:hunter2@api.example.com/", "https://api.example.com/?x=y", "ftp://a", "://", "https://a\x7f/"} {
		for _, p := range []dns01.Provider{
			&mythic.V2{KeyID: "k", Secret: "s", API: bad}, &mythic.V2{KeyID: "k", Secret: "s", Login: bad},
			&mythic.V1{Passwords: map[string]mythic.Secret{"example.com": "p"}, API: bad},
		} {
			err := p.AddTXT(t.Context(), dns01.TXT{Zone: "example.com.", Name: "_acme-challenge.example.com.", Value: "v"})
			require.ErrorContains(t, err, "mythic: ", bad)
			require.NotContains(t, err.Error(), "hunter2")
		}
	}
}

// The caller's HTTP client stays as it was.
func TestUserClientIsNotChanged(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	user := &http.Client{Transport: m.Client().Transport}
	before := *user.Transport.(*http.Transport).Clone()
	c := v2(m)
	c.HTTP = user
	require.NoError(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")))
	now := user.Transport.(*http.Transport)
	require.Equal(t, before.MaxConnsPerHost, now.MaxConnsPerHost)
	require.Equal(t, before.DialContext == nil, now.DialContext == nil)
	require.Nil(t, user.CheckRedirect)

	c = v2(m)
	c.HTTP = &http.Client{Transport: &bodies{next: m.Client().Transport}} // any other transport
	require.NoError(t, c.DeleteTXT(t.Context(), txt("_acme-challenge.example.com.", "v")))
}
