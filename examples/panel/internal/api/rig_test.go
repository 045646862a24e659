package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/access/accesstest"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// rig is an API with two customers and an operator, each with tokens.
type rig struct {
	t        *testing.T
	house    *accesstest.House
	accounts *account.Store
	audit    *audit.Log
	server   *httptest.Server
	who      map[string]account.Identity // their sessions
	token    map[string]string           // "alice", and "alice read"
}

func newRig(t *testing.T, options ...func(*api.Options)) *rig {
	t.Helper()
	r := &rig{t: t, house: accesstest.New(), who: map[string]account.Identity{}, token: map[string]string{}}
	var err error
	r.audit, err = audit.Open(audit.Options{})
	require.NoError(t, err)
	r.accounts, err = account.Open(account.Options{Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}, Audit: r.audit})
	require.NoError(t, err)
	o := api.Options{House: r.house, Accounts: r.accounts, Audit: r.audit, Burst: 10_000}
	for _, set := range options {
		set(&o)
	}
	r.server = httptest.NewServer(api.New(o))
	t.Cleanup(r.server.Close)
	for name, role := range map[string]account.Role{"alice": account.Customer, "bob": account.Customer, "noc": account.Operator} {
		r.add(name, role)
	}
	return r
}

func (r *rig) add(name string, role account.Role) {
	r.t.Helper()
	password := daemon.NewSecret("four words and more")
	require.NoError(r.t, r.accounts.Add(r.t.Context(), account.System(), name, role, password))
	session, err := r.accounts.Login(r.t.Context(), account.Attempt{Name: name, Password: password})
	require.NoError(r.t, err)
	r.who[name], err = r.accounts.Session(r.t.Context(), session.Token, session.From)
	require.NoError(r.t, err)
	for suffix, scope := range map[string]account.Scope{"": account.Write, " read": account.Read} {
		made, err := r.accounts.NewToken(r.t.Context(), r.who[name], "test", scope, 0)
		require.NoError(r.t, err)
		r.token[name+suffix] = made.Secret.Reveal()
	}
}

// reply is what was answered.
type reply struct {
	*http.Response
	body string
}

// ask asks as somebody; "" is nobody.
func (r *rig) ask(who, method, path, body string) reply {
	r.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+api.Prefix+path, reader)
	require.NoError(r.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+r.token[who])
	}
	return r.do(req)
}

func (r *rig) do(req *http.Request) reply {
	r.t.Helper()
	res, err := r.server.Client().Do(req)
	require.NoError(r.t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	require.NoError(r.t, err)
	return reply{res, string(data)}
}

// problem is the problem that was answered.
func (r *rig) problem(got reply, status int) api.Problem {
	r.t.Helper()
	require.Equal(r.t, status, got.StatusCode, got.body)
	require.Equal(r.t, "application/problem+json", got.Header.Get("Content-Type"))
	var p api.Problem
	require.NoError(r.t, json.Unmarshal([]byte(got.body), &p))
	require.Equal(r.t, status, p.Status)
	require.Equal(r.t, http.StatusText(status), p.Title)
	return p
}
