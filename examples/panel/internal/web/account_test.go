package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogin(t *testing.T) {
	r := newRig(t)
	p := r.nobody(t)
	got := p.get("/pis/pi-01?x=1")
	require.Contains(t, got.body, `name="next" value="/pis/pi-01?x=1"`)
	got = p.post("/login", url.Values{"name": {"alice"}, "password": {"wrong"}, "next": {"/pis/pi-01"}})
	require.Equal(t, http.StatusUnauthorized, got.status)
	require.Contains(t, got.body, `role="alert">The name or the password is wrong.`)
	require.Contains(t, got.body, `value="alice"`, "what was typed is kept")
	require.Contains(t, got.body, `name="next" value="/pis/pi-01"`)
	require.NotContains(t, got.body, "wrong\"", "but for the password")
	got = p.post("/login", url.Values{"name": {" alice "}, "password": {password}, "next": {"/pis/pi-01"}})
	require.Equal(t, "/pis/pi-01", got.path)
	require.Equal(t, "/", p.get("/login").path, "who is logged in need not again")
	got = r.nobody(t).post("/login", url.Values{"name": {"alice"}, "password": {password}, "next": {"//evil.example/"}})
	require.Equal(t, "/", got.path)
	got = p.post("/logout", nil)
	require.Equal(t, "/login", got.path)
	require.True(t, strings.HasPrefix(p.get("/").path, "/login?"))
}

func TestPasskeysNeedScript(t *testing.T) {
	r := newRig(t)
	require.Contains(t, r.nobody(t).post("/login/passkey", nil).body, "Passkeys need JavaScript")
	require.Contains(t, r.login(t, "alice").post("/account/passkeys", url.Values{"label": {"x"}}).body, "Passkeys need JavaScript")
}

func TestSessions(t *testing.T) {
	r := newRig(t)
	here, there := r.login(t, "alice"), r.login(t, "alice")
	body := here.get("/account").body
	ids := regexp.MustCompile(`/account/sessions/([^/"]+)/revoke`).FindAllStringSubmatch(body, -1)
	require.Len(t, ids, 2)
	require.Equal(t, 1, strings.Count(body, "<strong>this one"))
	bob := r.login(t, "bob")
	for _, id := range ids {
		bob.post("/account/sessions/"+id[1]+"/revoke", nil)
	}
	require.Equal(t, "/account", there.get("/account").path, "another's sessions are not his to end")
	for _, id := range ids {
		if row := body[:strings.Index(body, id[1])]; !strings.Contains(row[strings.LastIndex(row, "<li>"):], "this one") {
			require.Equal(t, http.StatusOK, here.post("/account/sessions/"+id[1]+"/revoke", nil).status)
		}
	}
	require.True(t, strings.HasPrefix(there.get("/account").path, "/login"))
	require.Equal(t, "/account", here.get("/account").path)
}

func TestTokens(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	got := alice.post("/account/tokens", url.Values{"label": {"my script"}, "scope": {"read"}, "days": {"30"}})
	require.Equal(t, http.StatusOK, got.status)
	secret := regexp.MustCompile(`<code id="secret">([^<]+)</code>`).FindStringSubmatch(got.body)
	require.Len(t, secret, 2)
	body := alice.get("/account").body
	require.Contains(t, body, "my script")
	require.NotContains(t, body, secret[1], "it is shown once")
	id := regexp.MustCompile(`/account/tokens/([^/"]+)/revoke`).FindStringSubmatch(body)
	require.Len(t, id, 2)
	r.login(t, "bob").post("/account/tokens/"+id[1]+"/revoke", nil)
	require.Contains(t, alice.get("/account").body, "my script")
	alice.post("/account/tokens/"+id[1]+"/revoke", nil)
	require.NotContains(t, alice.get("/account").body, "my script")

	for _, form := range []url.Values{
		{"label": {"kept"}, "scope": {"read"}, "days": {"many"}},
		{"label": {"kept"}, "scope": {"read"}, "days": {"0"}},
		{"label": {"kept"}, "scope": {"everything"}, "days": {"9"}},
		{"label": {"kept"}, "scope": {"read"}, "days": {"9999999"}},
	} {
		got = alice.post("/account/tokens", form)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, "%v", form)
		require.Contains(t, got.body, `value="kept"`)
		require.NotContains(t, got.body, `id="secret"`)
	}
}

func TestChangePassword(t *testing.T) {
	r := newRig(t)
	here, there := r.login(t, "alice"), r.login(t, "alice")
	const fresh = "another long sentence of words"
	for _, form := range []url.Values{
		{"old": {"wrong"}, "new": {fresh}, "again": {fresh}},
		{"old": {password}, "new": {fresh}, "again": {"something else"}},
		{"old": {password}, "new": {"short"}, "again": {"short"}},
	} {
		got := here.post("/account/password", form)
		require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusUnauthorized}, got.status)
		require.Contains(t, got.body, `role="alert"`)
		require.NotContains(t, got.body, fresh)
	}
	got := here.post("/account/password", url.Values{"old": {password}, "new": {fresh}, "again": {fresh}})
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, "/account", got.path)
	require.True(t, strings.HasPrefix(there.get("/").path, "/login"), "the other sessions are over")
	require.Equal(t, http.StatusOK, r.nobody(t).post("/login", url.Values{"name": {"alice"}, "password": {fresh}}).status)
}

// The audit log is filtered, turned over, and a customer's own.
func TestAuditPage(t *testing.T) {
	r := newRig(t)
	alice := r.login(t, "alice")
	for range 60 {
		alice.post("/domains/alice.example/certificate", nil)
	}
	alice.post("/pis/pi-01/power/off", url.Values{"reason": {"it smells of smoke"}})
	noc := r.login(t, "noc")
	first := noc.get("/audit?who=alice&action=domain.certify")
	require.Equal(t, 50, strings.Count(first.body, "<td role=\"cell\" data-label=\"Action\">domain.certify"))
	older := regexp.MustCompile(`<a href="([^"]+)" rel="next">Older`).FindStringSubmatch(first.body)
	require.Len(t, older, 2)
	second := noc.get(strings.ReplaceAll(older[1], "&amp;", "&"))
	require.Equal(t, 10, strings.Count(second.body, "domain.certify <small>"))
	require.Contains(t, second.body, `<a href="/audit?action=domain.certify&amp;who=alice">The latest</a>`)
	require.NotContains(t, second.body, "Older")
	require.Contains(t, alice.get("/audit?thing=pi-01").body, "it smells of smoke")
	require.NotContains(t, r.login(t, "bob").get("/audit").body, "alice")
	require.Equal(t, http.StatusUnprocessableEntity, noc.get("/audit?before=x").status)
}
