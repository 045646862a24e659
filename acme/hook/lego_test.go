package hook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/acme/acmetest"
	"github.com/mythic-beasts/hostkit/acme/hook"
)

func TestLegoExec(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	token, thumbprint := "-token", text("key")
	value := text(token + "." + thumbprint)
	require.NoError(t, process(d).LegoExec(t.Context(), []string{"present", apex, dashed()}))
	require.NoError(t, process(d).LegoExec(t.Context(), []string{"present", "--", "example.com", token, token + "." + thumbprint}))
	require.ElementsMatch(t, []string{dashed(), value}, d.TXT(apex))
	require.NoError(t, process(d).LegoExec(t.Context(), []string{"cleanup", apex, dashed()}))
	require.Equal(t, []string{value}, d.TXT(apex))
	require.NoError(t, process(d).LegoExec(t.Context(), []string{"cleanup", "--", "example.com", token, token + "." + thumbprint}))
	require.Empty(t, d.TXT(apex))
}

func TestLegoExecRefuses(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	for what, args := range map[string][]string{
		"nothing":        {},
		"action":         {"timeout", apex, dashed()},
		"too few":        {"present", apex},
		"no dashes":      {"present", "-", "example.com", "t", "t." + text("key")},
		"alias":          {"present", "somewhere.example.com.", dashed()},
		"no name":        {"present", "_acme-challenge.", dashed()},
		"path":           {"present", "_acme-challenge.../x.", dashed()},
		"value":          {"present", apex, "value"},
		"other token":    {"present", "--", "example.com", "t", "u." + text("key")},
		"no token":       {"present", "--", "example.com", "", "." + text("key")},
		"no thumbprint":  {"present", "--", "example.com", "t", "t.x"},
		"name of a path": {"cleanup", "--", "../x", "t", "t." + text("key")},
	} {
		require.Error(t, process(d).LegoExec(t.Context(), args), what)
	}
	requireUntouched(t, d)
}

func post(t *testing.T, h http.Handler, path, user, password, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if user != "" {
		r.SetBasicAuth(user, password)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHTTPReq(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	h := process(d).HTTPReq(hook.Password("u", "p", "example.com"))
	normal := `{"fqdn":"` + apex + `","value":"` + dashed() + `"}`
	raw := `{"domain":"example.com","token":"t","keyAuth":"t.` + text("key") + `"}`
	for range 2 { // and again, after it was deleted
		require.Equal(t, http.StatusOK, post(t, h, "/acme/present", "u", "p", normal).Code)
		require.Equal(t, http.StatusOK, post(t, h, "/acme/present", "u", "p", raw).Code)
		require.ElementsMatch(t, []string{dashed(), text("t." + text("key"))}, d.TXT(apex))
		require.Equal(t, http.StatusOK, post(t, h, "/cleanup", "u", "p", normal).Code)
		require.Equal(t, []string{text("t." + text("key"))}, d.TXT(apex))
		require.Equal(t, http.StatusOK, post(t, h, "/cleanup", "u", "p", raw).Code)
		require.Empty(t, d.TXT(apex))
	}
}

func TestHTTPReqRefuses(t *testing.T) {
	d := acmetest.NewDNS(t, acmetest.DNSOptions{})
	h := process(d).HTTPReq(hook.Password("u", "p", "Example.com."))
	good := `{"fqdn":"` + apex + `","value":"` + dashed() + `"}`
	other := `{"fqdn":"_acme-challenge.notexample.com.","value":"` + dashed() + `"}`
	for what, c := range map[string]struct {
		path, user, password, body string
		want                       int
	}{
		"no password":    {"/present", "", "", good, http.StatusUnauthorized},
		"wrong password": {"/present", "u", "q", good, http.StatusUnauthorized},
		"wrong user":     {"/present", "v", "p", good, http.StatusUnauthorized},
		"other's name":   {"/present", "u", "p", other, http.StatusUnauthorized},
		"path":           {"/other", "u", "p", good, http.StatusNotFound},
		"no JSON":        {"/present", "u", "p", "x", http.StatusBadRequest},
		"null":           {"/present", "u", "p", "null", http.StatusBadRequest},
		"too long":       {"/present", "u", "p", strings.Repeat(" ", 1<<20) + good, http.StatusBadRequest},
		"name":           {"/cleanup", "u", "p", strings.Replace(good, "example", "../x", 1), http.StatusBadRequest},
	} {
		require.Equal(t, c.want, post(t, h, c.path, c.user, c.password, c.body).Code, what)
	}
	r := httptest.NewRequest(http.MethodGet, "/present", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, http.StatusMethodNotAllowed, w.Code)
	require.Equal(t, http.StatusUnauthorized, post(t, process(d).HTTPReq(nil), "/present", "u", "p", good).Code)
	requireUntouched(t, d)
}

func TestHTTPReqSaysNothingOfTheProvider(t *testing.T) {
	h := new(hook.Hook).HTTPReq(hook.Password("u", "p"))
	w := post(t, h, "/present", "u", "p", `{"fqdn":"`+apex+`","value":"`+dashed()+`"}`)
	require.Equal(t, http.StatusBadGateway, w.Code)
	require.NotContains(t, w.Body.String(), "Solver")
}
