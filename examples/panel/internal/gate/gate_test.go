package gate_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/gate"
)

const password = "four words and more"

// rig is a gate before pages that say who asks and do what a form says.
type rig struct {
	t       *testing.T
	store   *account.Store
	gate    *gate.Gate
	handler http.Handler
	// cookies are those that a browser would keep.
	cookies map[string]*http.Cookie
	failed  error
	ended   error // the request's context after a change
}

func newRig(t *testing.T, tls bool) *rig {
	t.Helper()
	store, err := account.Open(account.Options{Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}, Passkeys: believer{}})
	require.NoError(t, err)
	require.NoError(t, store.Add(t.Context(), account.System(), "alice", account.Operator, daemon.NewSecret(password)))
	r := &rig{t: t, store: store, gate: &gate.Gate{Store: store, TLS: tls}, cookies: map[string]*http.Cookie{}}
	mux := http.NewServeMux()
	mux.Handle("GET /", r.gate.Need("/login", http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		who, _ := gate.From(req.Context())
		_, _ = w.Write([]byte(who.Name + " from " + who.From.String()))
	})))
	for path, do := range map[string]func(w http.ResponseWriter, req *http.Request) error{
		"login": func(w http.ResponseWriter, req *http.Request) error {
			_, err := r.gate.Login(w, req, "alice", daemon.NewSecret(req.FormValue("password")))
			return err
		},
		"logout": r.gate.Logout,
		"password": func(w http.ResponseWriter, req *http.Request) error {
			return r.gate.ChangePassword(w, req, daemon.NewSecret(password), daemon.NewSecret("four other words"))
		},
		"passkey/login": func(w http.ResponseWriter, req *http.Request) error {
			_, err := r.gate.PasskeyLogin(w, req)
			return err
		},
		"passkey/add": func(_ http.ResponseWriter, req *http.Request) error {
			_, err := r.gate.AddPasskey(req)
			return err
		},
	} {
		mux.HandleFunc("POST /"+path, func(w http.ResponseWriter, req *http.Request) {
			r.failed = do(w, req)
			r.ended = context.Cause(req.Context())
		})
	}
	r.handler = r.gate.Handler(mux)
	return r
}

// believer believes every passkey.
type believer struct{}

func (believer) BeginCreate(h account.Holder) (_, _ json.RawMessage, err error) {
	data, err := json.Marshal(h.Handle)
	return data, []byte("{}"), err
}

func (believer) FinishCreate(account.Holder, json.RawMessage, json.RawMessage) (account.Credential, error) {
	return account.Credential{ID: []byte("key"), Data: []byte("{}")}, nil
}

func (believer) BeginGet() (_, _ json.RawMessage, err error) { return []byte("{}"), []byte("{}"), nil }

func (believer) FinishGet(_, response json.RawMessage, find func([]byte) (account.Holder, error)) (account.Credential, error) {
	var handle []byte
	if err := json.Unmarshal(response, &handle); err != nil {
		return account.Credential{}, err
	}
	h, err := find(handle)
	if err != nil || len(h.Credentials) == 0 {
		return account.Credential{}, account.ErrLogin
	}
	return h.Credentials[0], nil
}

// request is one of this browser.
func (r *rig) request(method, path, body string) *http.Request {
	req := httptest.NewRequestWithContext(r.t.Context(), method, path, strings.NewReader(body))
	req.RemoteAddr = "[::ffff:192.0.2.7]:1234"
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range r.cookies {
		req.AddCookie(c)
	}
	return req
}

func (r *rig) do(req *http.Request) *httptest.ResponseRecorder {
	r.failed, r.ended = nil, nil
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	for _, c := range w.Result().Cookies() {
		if r.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(r.cookies, c.Name)
		}
	}
	return w
}

func (r *rig) login() {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.do(r.request("POST", "/login", "password=four+words+and+more")).Code)
	require.NoError(r.t, r.failed)
}

func TestLogin(t *testing.T) {
	for _, tls := range []bool{false, true} {
		r := newRig(t, tls)
		require.Equal(t, http.StatusSeeOther, r.do(r.request("GET", "/", "")).Code)
		r.do(r.request("POST", "/login", "password=wrong"))
		require.ErrorIs(t, r.failed, account.ErrLogin)
		require.Empty(t, r.cookies)

		r.login()
		prefix := map[bool]string{true: "__Host-"}[tls]
		session, device := r.cookies[prefix+"panel"], r.cookies[prefix+"panel-device"]
		for _, c := range []*http.Cookie{session, device} {
			require.NotNil(t, c)
			require.True(t, c.HttpOnly)
			require.Equal(t, tls, c.Secure)
			require.Equal(t, "/", c.Path)
			require.Empty(t, c.Domain)
		}
		require.Equal(t, http.SameSiteLaxMode, session.SameSite)
		require.Zero(t, session.MaxAge, "it ends with the browser")
		require.Equal(t, http.SameSiteStrictMode, device.SameSite)
		require.Equal(t, "alice from 192.0.2.7", r.do(r.request("GET", "/", "")).Body.String())

		// The next login of this browser has a new session, and ends the old one.
		r.login()
		require.NotEqual(t, session.Value, r.cookies[prefix+"panel"].Value)
		old := r.request("GET", "/", "")
		old.Header.Del("Cookie")
		old.AddCookie(session)
		require.Equal(t, http.StatusSeeOther, r.do(old).Code)

		r.do(r.request("POST", "/logout", ""))
		require.NoError(t, r.failed)
		require.NotContains(t, r.cookies, prefix+"panel")
		require.Contains(t, r.cookies, prefix+"panel-device", "the browser stays known")
		r.do(r.request("POST", "/logout", ""))
		require.NoError(t, r.failed, "nobody is logged out already")
	}
}

// A session cookie without the prefix is none where there is TLS: a neighbour could have
// set it.
func TestPrefix(t *testing.T) {
	r := newRig(t, true)
	r.login()
	req := r.request("GET", "/", "")
	req.Header.Del("Cookie")
	req.AddCookie(&http.Cookie{Name: "panel", Value: r.cookies["__Host-panel"].Value})
	require.Equal(t, http.StatusSeeOther, r.do(req).Code)
}

func TestChangePassword(t *testing.T) {
	r := newRig(t, true)
	r.do(r.request("POST", "/password", ""))
	require.ErrorIs(t, r.failed, account.ErrExpired)
	r.login()
	before := r.cookies["__Host-panel"].Value
	r.do(r.request("POST", "/password", ""))
	require.NoError(t, r.failed)
	require.ErrorIs(t, r.ended, account.ErrExpired, "the request's context ends with its session")
	require.NotEqual(t, before, r.cookies["__Host-panel"].Value)
	require.Equal(t, http.StatusOK, r.do(r.request("GET", "/", "")).Code)
}

func TestHeaders(t *testing.T) {
	for _, tls := range []bool{false, true} {
		h := newRig(t, tls).do(httptest.NewRequest(http.MethodGet, "/", nil)).Header()
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			require.Contains(t, policy, part)
		}
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", h.Get("Cache-Control"))
		require.Equal(t, tls, h.Get("Strict-Transport-Security") != "")
	}
}

// Another site's page changes nothing, whatever its request looks like.
func TestCrossOrigin(t *testing.T) {
	r := newRig(t, true)
	r.login()
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		req := r.request("POST", "/logout", "")
		req.Header.Set(name, value)
		require.Equal(t, http.StatusForbidden, r.do(req).Code)
	}
	req := r.request("POST", "/logout", "")
	req.Header.Set("Sec-Fetch-Site", "same-site")
	require.Equal(t, http.StatusForbidden, r.do(req).Code, "nor does a neighbour's")
	require.Equal(t, http.StatusOK, r.do(r.request("GET", "/", "")).Code)
}

func TestNeed(t *testing.T) {
	r := newRig(t, false)
	events := r.request("GET", "/pis", "")
	events.Header.Set("Accept", "text/event-stream")
	require.Equal(t, http.StatusUnauthorized, r.do(events).Code)
	require.Equal(t, "/login?next=%2Fpis%3Fa%3Db%26c", r.do(r.request("GET", "/pis?a=b&c", "")).Header().Get("Location"))
	w := httptest.NewRecorder()
	r.gate.Need("/login", http.NotFoundHandler()).ServeHTTP(w, r.request("POST", "/pis", ""))
	require.Equal(t, http.StatusUnauthorized, w.Code)
}

func TestPasskeys(t *testing.T) {
	r := newRig(t, true)
	post := func(path, kind, body string) error {
		req := r.request("POST", path, body)
		req.Header.Set("Content-Type", kind)
		r.do(req)
		return r.failed
	}
	require.ErrorIs(t, post("/passkey/add", "application/json", "{}"), account.ErrExpired)
	_, err := r.gate.BeginPasskey(r.request("POST", "/", ""))
	require.ErrorIs(t, err, account.ErrExpired)
	r.login()

	var begun account.Ceremony
	r.gate.Handler(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		begun, err = r.gate.BeginPasskey(req)
	})).ServeHTTP(httptest.NewRecorder(), r.request("POST", "/", ""))
	require.NoError(t, err)
	handle := string(begun.Options)
	for _, bad := range [][2]string{
		{"text/plain", `{}`}, {"application/json", `{`}, {"application/json", `{"no": 1}`},
		{"application/json", `{"id": "` + strings.Repeat("x", 70_000) + `"}`},
	} {
		require.ErrorIs(t, post("/passkey/add", bad[0], bad[1]), account.ErrInvalid)
		require.ErrorIs(t, post("/passkey/login", bad[0], bad[1]), account.ErrInvalid)
	}
	require.NoError(t, post("/passkey/add", "application/json; charset=utf-8", `{"id": "`+begun.ID+`", "label": "phone", "response": {}}`))

	r.do(r.request("POST", "/logout", ""))
	begun, err = r.gate.BeginPasskeyLogin(r.request("POST", "/", ""))
	require.NoError(t, err)
	require.NoError(t, post("/passkey/login", "application/json", `{"id": "`+begun.ID+`", "response": `+handle+`}`))
	require.Equal(t, http.StatusOK, r.do(r.request("GET", "/", "")).Code)
}

// What a request says of its own address in headers is not believed.
func TestAddr(t *testing.T) {
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("X-Forwarded-For", "10.0.0.1")
	req.RemoteAddr = "[2001:db8::1]:443"
	require.Equal(t, "2001:db8::1", gate.Addr(req).String())
	req.RemoteAddr = "@"
	require.False(t, gate.Addr(req).IsValid())
}

func FuzzCookie(f *testing.F) {
	f.Add("panel=x; panel=y")
	f.Add("\x00=;;;\xff")
	store, err := account.Open(account.Options{})
	require.NoError(f, err)
	g := &gate.Gate{Store: store}
	h := g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, ok := gate.From(r.Context()); ok {
			f.Error("somebody is let in")
		}
	}))
	f.Fuzz(func(_ *testing.T, cookie string) {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header["Cookie"] = []string{cookie}
		h.ServeHTTP(httptest.NewRecorder(), req)
	})
}
