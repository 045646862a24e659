package mythic_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/mythic"
	"github.com/mythic-beasts/hostkit/internal/memnet"
)

// together adds n records at the same time, each by a call of its own.
func together(ctx context.Context, c *mythic.V2, n int) []error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			errs[i] = c.AddTXT(ctx, txt(fmt.Sprintf("_acme-challenge.%d.example.com.", i), "v"))
		})
	}
	wg.Wait()
	return errs
}

// A hundred callers at once log in once, and take the time of some requests.
func TestManyCallersOneLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := inMemory(t)
		opts.Latency = 100 * time.Millisecond
		m := acmetest.NewMythic(t, nil, opts)
		start := time.Now()
		require.NoError(t, errors.Join(together(t.Context(), v2(m), 100)...))
		require.Equal(t, 1, m.Logins())
		require.Len(t, m.Records("example.com"), 100)
		require.Equal(t, 1, count(m, "GET /zones"))
		require.Less(t, time.Since(start), 510*time.Millisecond, "in the time of the bubble")
	})
}

// In an hour of use there is a log-in in about five minutes, and no request is refused.
func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := acmetest.NewMythic(t, nil, inMemory(t))
		c := v2(m)
		for i := range 60 {
			require.NoError(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", fmt.Sprint(i))))
			after(time.Minute)
		}
		require.Equal(t, 12, m.Logins(), "4 min 30 s of use each, asked every minute")
		for _, r := range m.Requests() {
			require.Equal(t, http.StatusOK, r.Status, "%+v", r)
		}
	})
}

// The server's clock may be ahead, or it forgets: a token that is refused is replaced
// once, and the request goes through.
func TestTokenIsRefusedEarly(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	c := v2(m)
	require.NoError(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "1")))
	m.Advance(301 * time.Second)
	require.NoError(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "2")))
	require.Equal(t, 2, m.Logins())
	m.RevokeTokens()
	require.NoError(t, errors.Join(together(t.Context(), c, 50)...))
	require.Equal(t, 3, m.Logins())
	require.Len(t, m.Records("example.com"), 52)
}

// When everything is refused, each caller has asked twice, and there was one new
// log-in.
func TestStormOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := inMemory(t)
		opts.Latency = 10 * time.Millisecond
		m := acmetest.NewMythic(t, nil, opts)
		c := v2(m)
		_, err := c.ZoneOf(t.Context(), "example.com.")
		require.NoError(t, err)
		m.Fail(acmetest.MythicFault{Path: "/dns", Times: -1, Status: http.StatusUnauthorized, Body: `{"error":"Access denied"}`})
		for _, err := range together(t.Context(), c, 40) {
			require.ErrorIs(t, err, mythic.ErrUnauthorized)
		}
		require.Equal(t, 2, m.Logins())
		require.Equal(t, 80, count(m, "POST"))
		m.Heal()
		require.NoError(t, errors.Join(together(t.Context(), c, 40)...))
	})
}

func TestLoginFails(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	record := txt("_acme-challenge.example.com.", "v")

	wrong := v2(m)
	wrong.Secret = "not the secret"
	err := wrong.AddTXT(t.Context(), record)
	require.ErrorIs(t, err, mythic.ErrUnauthorized)
	require.ErrorContains(t, err, `log in with key "fakekey1"`)
	require.ErrorContains(t, err, "Invalid credentials")
	require.Len(t, m.Requests(), 1, "it is not tried again")

	// 400 is what some OAuth servers say.
	m.Fail(acmetest.MythicFault{Path: "/login", Status: http.StatusBadRequest, Body: `{"error":"invalid_client"}`})
	require.ErrorIs(t, v2(m).AddTXT(t.Context(), record), mythic.ErrUnauthorized)

	for _, body := range []string{
		``, `{}`, `[]`, `<html>`, `{"access_token":"x","token_type":"mac","expires_in":300}`,
		`{"access_token":"","token_type":"bearer"}`, `{"access_token":"a b","token_type":"bearer"}`, `{"access_token":"a\nb","token_type":"bearer"}`,
	} {
		m.Fail(acmetest.MythicFault{Path: "/login", Status: http.StatusOK, Body: body})
		require.ErrorContains(t, v2(m).AddTXT(t.Context(), record), "log in with key", body)
	}
	require.Empty(t, m.Records("example.com"))
	require.ErrorContains(t, (&mythic.V2{}).AddTXT(t.Context(), record), "needs the ID and the secret")
}

// A login server that is down for some time is asked again.
func TestLoginIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := acmetest.NewMythic(t, nil, inMemory(t))
		m.Fail(acmetest.MythicFault{Path: "/login", Times: 3, Status: http.StatusBadGateway, Body: "<html>"})
		require.NoError(t, errors.Join(together(t.Context(), v2(m), 20)...))
		require.Equal(t, 1, m.Logins())

		m.Fail(acmetest.MythicFault{Path: "/login", Times: -1, Status: http.StatusBadGateway, Body: "<html>"})
		var refused *mythic.Error
		require.ErrorAs(t, v2(m).AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v")), &refused)
		require.Equal(t, http.StatusBadGateway, refused.Status)
	})
}

// One who stops waiting for a log-in does not end it for the others.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := inMemory(t)
		opts.Latency = time.Second
		m := acmetest.NewMythic(t, nil, opts)
		c := v2(m)
		impatient, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		done := make(chan error)
		go func() {
			_, err := c.ZoneOf(impatient, "example.com.")
			done <- err
		}()
		synctest.Wait()
		go func() {
			_, err := c.ZoneOf(t.Context(), "example.com.")
			done <- err
		}()
		require.ErrorIs(t, <-done, context.DeadlineExceeded)
		require.NoError(t, <-done)
		require.Equal(t, 1, m.Logins())

		// And when all have left, it ends.
		other := v2(m)
		gone, leave := context.WithCancelCause(t.Context())
		go func() { done <- other.AddTXT(gone, txt("_acme-challenge.example.com.", "v")) }()
		synctest.Wait()
		cause := errors.New("enough")
		leave(cause)
		require.ErrorIs(t, <-done, cause)
	})
}

func TestBasic(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	c := v2(m)
	c.Basic = true
	require.NoError(t, errors.Join(together(t.Context(), c, 10)...))
	require.Zero(t, m.Logins())
	for _, r := range m.Requests() {
		require.True(t, r.Basic, "%+v", r)
	}
	c = v2(m)
	c.Basic, c.Secret = true, "wrong"
	_, err := c.ZoneOf(t.Context(), "example.com.")
	require.ErrorIs(t, err, mythic.ErrUnauthorized)
	require.Len(t, m.Requests(), 12, "refused once is enough")
}

// twoFamilies serves a fake at an IPv4 and an IPv6 address, which clients connect to by
// turns unless they say which.
func twoFamilies(t *testing.T) (*acmetest.Mythic, func(v4, v6 bool)) {
	t.Helper()
	var network memnet.Network
	v4, v6 := netip.MustParseAddrPort("127.0.0.1:443"), netip.MustParseAddrPort("[::1]:443")
	l4, err := network.Listen(v4)
	require.NoError(t, err)
	l6, err := network.Listen(v6)
	require.NoError(t, err)
	dial, reach := dualStack(&network, v4, v6)
	return acmetest.NewMythic(t, nil, acmetest.MythicOptions{Listener: join(l4, l6), Dial: dial}), reach
}

func families(m *acmetest.Mythic) map[bool]int {
	all := make(map[bool]int)
	for _, r := range m.Requests() {
		all[r.From.Addr().Is4()]++
	}
	return all
}

// A token is good for one address, so all connections are of one family: without that,
// some of these would be refused.
func TestOneFamily(t *testing.T) {
	m, _ := twoFamilies(t)
	require.NoError(t, errors.Join(together(t.Context(), v2(m), 50)...))
	require.Len(t, families(m), 1)
	require.Equal(t, 1, m.Logins())
	for _, r := range m.Requests() {
		require.Equal(t, http.StatusOK, r.Status)
	}
}

func TestFixedFamily(t *testing.T) {
	for _, network := range []string{"tcp4", "tcp6"} {
		m, _ := twoFamilies(t)
		c := v2(m)
		c.Network = network
		require.NoError(t, errors.Join(together(t.Context(), c, 20)...))
		require.Equal(t, 1, len(families(m)))
		require.Positive(t, families(m)[network == "tcp4"])
	}
	c := &mythic.V2{KeyID: "k", Secret: "s", Network: "udp"}
	_, err := c.ZoneOf(t.Context(), "example.com.")
	require.ErrorContains(t, err, `network "udp"`)
}

// The family in use fails: the other one is used from then on, with a new token.
func TestFamilyFails(t *testing.T) {
	m, reach := twoFamilies(t)
	c := v2(m)
	require.NoError(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "1")))
	first := m.Requests()[0].From.Addr().Is4()
	reach(!first, first)
	m.CloseConnections()
	require.NoError(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "2")))
	require.Equal(t, 2, m.Logins())
	require.Positive(t, families(m)[!first])
	reach(false, false)
	m.CloseConnections()
	require.ErrorContains(t, c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "3")), "connection refused")
}

// basicAuth is the fake's key as a header has it.
var basicAuth = base64.StdEncoding.EncodeToString([]byte(acmetest.MythicKeyID + ":" + acmetest.MythicSecret))

// No secret is in an error or log, even if the server repeats it.
func TestSecretsStayInside(t *testing.T) {
	var log strings.Builder
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	echo := `{"errors":["key fakesecret","header Basic ` + basicAuth + `"],"error":"NADD fakepassword"}`
	record := txt("_acme-challenge.example.com.", "v")
	see := func(secrets []string, things ...any) {
		for _, thing := range things {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				text := fmt.Sprintf(verb, thing)
				for _, s := range secrets {
					require.NotContains(t, text, s)
					require.NotContains(t, text, fmt.Sprintf("%x", s))
				}
			}
		}
	}
	both := []string{acmetest.MythicSecret, acmetest.MythicPassword}
	key := []string{acmetest.MythicSecret, basicAuth}
	for _, status := range []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusOK} {
		m.Fail(acmetest.MythicFault{Times: -1, Status: status, Body: echo})
		c, old := v2(m), v1(m)
		basic := v2(m)
		basic.Basic = true
		see(both, c, old, basic, c.Secret, old.Passwords)
		see([]string{acmetest.MythicPassword}, old.AddTXT(t.Context(), record))
		see(key, basic.AddTXT(t.Context(), record), c.AddTXT(t.Context(), record))
		m.Heal()
	}
	c := v2(m)
	c.Log = logger(&log)
	require.NoError(t, c.AddTXT(t.Context(), record))
	m.Fail(acmetest.MythicFault{Close: true, Times: 1})
	require.NoError(t, c.AddTXT(t.Context(), record))
	c.Log.Info("client", "client", c, "secret", c.Secret, "old", v1(m))
	require.Contains(t, log.String(), "repeated")
	see(both, log.String(), c)
}

// A token is a secret too, as long as it may be good.
func TestTokensStayInside(t *testing.T) {
	m := acmetest.NewMythic(t, nil, acmetest.MythicOptions{})
	c := v2(m)
	m.Fail(acmetest.MythicFault{Path: "/login", Status: http.StatusOK, Body: `{"access_token":"s3cret.tok3n","expires_in":300,"token_type":"bearer"}`})
	m.Fail(acmetest.MythicFault{Path: "/dns", Times: -1, Status: http.StatusConflict, Body: `{"error":"Bearer s3cret.tok3n"}`})
	err := c.AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v"))
	require.ErrorContains(t, err, "Bearer [redacted]")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c), "s3cret")
	require.Contains(t, fmt.Sprintf("%v", c), acmetest.MythicKeyID)

	m.Fail(acmetest.MythicFault{Path: "/login", Status: http.StatusOK, Body: `{"access_token":"s3cret.tok3n"`})
	err = v2(m).AddTXT(t.Context(), txt("_acme-challenge.example.com.", "v"))
	require.NotContains(t, err.Error(), "s3cret")
}
