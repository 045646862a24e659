package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/poe/poetest"
)

const serveText = `
[[serve.client]]
name = "maas"
token = { env = "POECTL_TEST_TOKEN" }
password = { env = "POECTL_TEST_PASSWORD" }
machines = ["*"]
[[serve.client]]
name = "customer"
token = { env = "POECTL_TEST_OTHER" }
machines = ["pi2"]
[[serve.client]]
name = "rufio"
hmac = { env = "POECTL_TEST_HMAC" }
machines = ["*"]
[[serve.client]]
name = "stamped"
hmac = { env = "POECTL_TEST_STAMPED" }
signed_headers = ["X-BMCLIB-Timestamp"]
machines = ["*"]
`

type serviceLab struct {
	*service
	sw    *poetest.Switch
	agent *poetest.Agent
	url   string
}

func newService(t *testing.T) *serviceLab {
	t.Helper()
	for name, value := range map[string]string{
		"COMMUNITY": "private", "TOKEN": "open-sesame", "PASSWORD": "swordfish", "OTHER": "customer-token",
		"HMAC": "hmac-key", "STAMPED": "stamped-key",
	} {
		t.Setenv("POECTL_TEST_"+name, value)
	}
	sw, agent, addr := newShelf(t)
	c, err := loadConfig(writeConfig(t, t.TempDir(), addr, sw, serveText))
	require.NoError(t, err)
	l := &serviceLab{sw: sw, agent: agent}
	r, err := newRack(c, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(r.close)
	l.service = serviceOf(r)
	server := httptest.NewServer(l.handler())
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// ask makes a request, with headers in pairs.
func (l *serviceLab) ask(t *testing.T, method, path, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

const bearer, openSesame = "Authorization", "Bearer open-sesame"

// What MAAS's webhook driver makes of an answer, by the expressions that it has by
// default.
func maasPower(body string) string {
	switch {
	case regexp.MustCompile(`status.*\:.*running`).MatchString(body):
		return "on"
	case regexp.MustCompile(`status.*\:.*stopped`).MatchString(body):
		return "off"
	}
	return "unknown"
}

func TestMAAS(t *testing.T) {
	l := newService(t)
	query := func(name string) string {
		code, body := l.ask(t, "GET", "/v1/machines/"+name, "", bearer, openSesame, "Accept", "application/json", "System_id", "x")
		require.Equal(t, http.StatusOK, code, body)
		return maasPower(body)
	}
	require.Equal(t, "on", query("pi1"))
	require.Equal(t, "unknown", query("pi8"), "it may have power and has none")
	for _, word := range []string{"off", "on", "cycle"} {
		code, body := l.ask(t, "POST", "/v1/machines/pi1/"+word, "", bearer, openSesame)
		require.Equal(t, http.StatusOK, code, body)
		want := map[string]string{"off": "off", "on": "on", "cycle": "on"}[word]
		require.Equal(t, want, query("pi1"), word)
		require.Equal(t, want, maasPower(body))
	}
	user, pass := "maas", "swordfish"
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.SetBasicAuth(user, pass)
	code, _ := l.ask(t, "GET", "/v1/machines/pi1", "", "Authorization", req.Header.Get("Authorization"))
	require.Equal(t, http.StatusOK, code)
}

func TestServeRefuses(t *testing.T) {
	l := newService(t)
	for name, tt := range map[string]struct {
		method, path string
		headers      []string
		code         int
	}{
		"nobody":            {"GET", "/v1/machines/pi1", nil, 401},
		"wrong token":       {"GET", "/v1/machines/pi1", []string{bearer, "Bearer open-sesam"}, 401},
		"empty token":       {"GET", "/v1/machines/pi1", []string{bearer, "Bearer "}, 401},
		"no scheme":         {"GET", "/v1/machines/pi1", []string{bearer, "open-sesame"}, 401},
		"empty password":    {"GET", "/v1/machines/pi1", []string{bearer, "Basic Y3VzdG9tZXI6"}, 401}, // customer:
		"no machine":        {"GET", "/v1/machines/pi9", []string{bearer, openSesame}, 404},
		"port":              {"GET", "/v1/machines/shelf1%2F1", []string{bearer, openSesame}, 404},
		"another's machine": {"GET", "/v1/machines/pi1", []string{bearer, "Bearer customer-token"}, 404},
		"another's power":   {"POST", "/v1/machines/pi1/off", []string{bearer, "Bearer customer-token"}, 404},
		"unlock":            {"POST", "/v1/machines/pi1/unlock", []string{bearer, openSesame}, 404},
		"protected":         {"POST", "/v1/machines/pi7/off", []string{bearer, openSesame}, 403},
		"GET of an order":   {"GET", "/v1/machines/pi1/off", []string{bearer, openSesame}, 405},
	} {
		t.Run(name, func(t *testing.T) {
			code, body := l.ask(t, tt.method, tt.path, "", tt.headers...)
			require.Equal(t, tt.code, code, body)
		})
	}
	require.Zero(t, l.agent.Sets(), "nothing was switched")
	code, _ := l.ask(t, "POST", "/v1/machines/pi2/off", "", bearer, "Bearer customer-token")
	require.Equal(t, http.StatusOK, code, "one's own")
}

// sign signs as bmclib does: the body, and behind it the values of headers.
func sign(h func() hash.Hash, prefix, key, body string, values ...string) string {
	m := hmac.New(h, []byte(key))
	io.WriteString(m, body+strings.Join(values, ""))
	return prefix + hex.EncodeToString(m.Sum(nil))
}

func rpcBody(id int64, host, method, params string) string {
	if params != "" {
		params = `,"params":` + params
	}
	return fmt.Sprintf(`{"id":%d,"host":%q,"method":%q%s}`, id, host, method, params)
}

func TestRPC(t *testing.T) {
	l := newService(t)
	call := func(host, method, params string) rpcResponse {
		body := rpcBody(time.Now().UnixNano(), host, method, params)
		code, text := l.ask(t, "POST", "/rpc", body, "X-BMCLIB-Signature-256", "sha256=00,"+sign(sha256.New, "sha256=", "hmac-key", body))
		require.Equal(t, http.StatusOK, code, text)
		var resp rpcResponse
		require.NoError(t, json.Unmarshal([]byte(text), &resp))
		require.Equal(t, host, resp.Host)
		return resp
	}
	code, _ := l.ask(t, "POST", "/rpc", "")
	require.Equal(t, http.StatusOK, code, "bmclib's look whether somebody is there")

	require.Equal(t, "on", call("pi3", "getPowerState", "").Result)
	for _, state := range []string{"off", "on", "cycle"} {
		resp := call("pi3", "setPowerState", `{"state":"`+state+`"}`)
		require.Nil(t, resp.Error)
		want := strings.Replace(state, "cycle", "on", 1)
		require.Equal(t, want, call("pi3", "getPowerState", "").Result)
	}
	require.Nil(t, call("pi3", "setBootDevice", `{"device":"pxe","persistent":false,"efiBoot":false}`).Error)
	for _, bad := range []rpcResponse{
		call("pi3", "setBootDevice", `{"device":"disk"}`),
		call("pi3", "setVirtualMedia", `{"mediaUrl":"http://x/","kind":"iso"}`),
		call("pi3", "setPowerState", `{"state":"soft"}`),
		call("pi3", "setPowerState", `[]`),
		call("pi9", "getPowerState", ""),
		call("pi7", "setPowerState", `{"state":"off"}`),
	} {
		require.NotNil(t, bad.Error)
		require.Nil(t, bad.Result)
		require.NotEmpty(t, bad.Error.Message)
	}
}

func TestRPCSignatures(t *testing.T) {
	l := newService(t)
	now := time.Now()
	get := rpcBody(now.UnixNano(), "pi1", "getPowerState", "")
	old := rpcBody(now.Add(-time.Hour).UnixNano(), "pi1", "getPowerState", "")
	future := rpcBody(now.Add(time.Hour).UnixNano(), "pi1", "getPowerState", "")
	stamp, stale := now.Format(time.RFC3339), now.Add(-time.Hour).Format(time.RFC3339)
	const h256, h512 = "X-BMCLIB-Signature-256", "X-BMCLIB-Signature-512"
	good := sign(sha256.New, "sha256=", "hmac-key", get)
	for _, tt := range []struct {
		name    string
		body    string
		headers []string
		code    int
	}{
		{"good", get, []string{h256, good}, 200},
		{"a replay", get, []string{h256, good}, 401},
		{"the same without its prefix", get, []string{h256, strings.TrimPrefix(good, "sha256=")}, 401},
		{"SHA-512", get, []string{h512, sign(sha512.New, "sha512=", "hmac-key", get)}, 200},
		{"none", get, nil, 401},
		{"another key", get, []string{h256, sign(sha256.New, "sha256=", "another", get)}, 401},
		{"no key", get, []string{h256, sign(sha256.New, "sha256=", "", get)}, 401},
		{"another body", strings.Replace(get, "pi1", "pi2", 1), []string{h256, good}, 401},
		{"no hexadecimal", get, []string{h256, "sha256=zz"}, 401},
		{"of long ago", old, []string{h256, sign(sha256.New, "sha256=", "hmac-key", old)}, 401},
		{"of the future", future, []string{h256, sign(sha256.New, "sha256=", "hmac-key", future)}, 401},
		{"with its time", old, []string{"X-BMCLIB-Timestamp", stamp, h256, sign(sha256.New, "sha256=", "stamped-key", old, stamp)}, 200},
		{"with an old time", get, []string{"X-BMCLIB-Timestamp", stale, h256, sign(sha256.New, "sha256=", "stamped-key", get, stale)}, 401},
		{"with another time", get, []string{"X-BMCLIB-Timestamp", stamp, h256, sign(sha256.New, "sha256=", "stamped-key", get, stale)}, 401},
		{"without time", get, []string{h256, sign(sha256.New, "sha256=", "stamped-key", get)}, 401},
		{"a token will do", get, []string{bearer, openSesame}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, body := l.ask(t, "POST", "/rpc", tt.body, tt.headers...)
			require.Equal(t, tt.code, code, body)
		})
	}
	l.auth.now = func() time.Time { return now.Add(11 * time.Minute) }
	later := rpcBody(now.Add(11*time.Minute).UnixNano(), "pi1", "getPowerState", "")
	code, _ := l.ask(t, "POST", "/rpc", later, h256, sign(sha256.New, "sha256=", "hmac-key", later))
	require.Equal(t, http.StatusOK, code)
	require.Len(t, l.auth.seen, 1, "what is too old to pass is forgotten")
}

// A client that hangs up in the middle of a cycle does not leave the port dark.
func TestServeHangUp(t *testing.T) {
	l := newService(t)
	l.rack.config.Policy.MinOff *= 4
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/v1/machines/pi4/cycle", nil)
	require.NoError(t, err)
	req.Header.Set(bearer, openSesame)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	admin := func() bool {
		st, err := l.sw.Port(t.Context(), "4")
		require.NoError(t, err)
		return st.Admin
	}
	require.Eventually(t, func() bool { return !admin() }, 5*time.Second, time.Millisecond)
	cancel()
	<-gone
	require.Eventually(t, admin, 5*time.Second, 5*time.Millisecond)
}

func FuzzRPC(f *testing.F) {
	f.Add([]byte(rpcBody(1, "pi1", "setPowerState", `{"state":"off"}`)))
	f.Add([]byte(`{"id":"x"}`))
	s := serviceOf(&rack{config: &config{}, switches: map[string]*lazySwitch{}})
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/rpc", bytes.NewReader(body)))
		if w.Code == http.StatusOK && len(body) > 0 {
			t.Fatalf("unsigned %q was answered: %s", body, w.Body)
		}
	})
}
