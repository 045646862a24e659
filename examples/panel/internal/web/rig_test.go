package web_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account/passkey"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

// password is everybody's.
const password = "correct horse battery staple"

// rig is a panel that is served, with an operator, noc, and two customers.
type rig struct {
	house    *house
	accounts *account.Store
	audit    *audit.Log
	url      string // without the last slash
	stop     func() error
}

func newRig(t *testing.T, options ...func(*web.Options, *account.Options)) *rig {
	t.Helper()
	h := newHouse()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	records, err := audit.Open(audit.Options{Log: log})
	require.NoError(t, err)
	people := account.Options{Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}, Audit: records, Log: log}
	pages := web.Options{House: h, Audit: records, Log: log}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &rig{house: h, audit: records, url: "http://localhost:" + port(l)}
	people.Passkeys, err = passkey.New(passkey.Options{ID: "localhost", Origins: []string{r.url}})
	require.NoError(t, err)
	for _, o := range options {
		o(&pages, &people)
	}
	r.accounts, err = account.Open(people)
	require.NoError(t, err)
	for name, role := range map[string]account.Role{"noc": account.Operator, "alice": account.Customer, "bob": account.Customer} {
		require.NoError(t, r.accounts.Add(t.Context(), account.System(), name, role, daemon.NewSecret(password)))
	}
	pages.Accounts = r.accounts
	site, err := web.New(pages)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- site.Serve(ctx, l) }()
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		require.NoError(t, r.stop())
		require.NoError(t, r.accounts.Close())
		require.NoError(t, records.Close())
	})
	return r
}

func port(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// person is a browser without script.
type person struct {
	t      *testing.T
	url    string
	client *http.Client
}

// nobody is a browser that is not logged in.
func (r *rig) nobody(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{t, r.url, &http.Client{Jar: jar, Transport: transport}}
}

// login logs somebody in.
func (r *rig) login(t *testing.T, name string) *person {
	t.Helper()
	p := r.nobody(t)
	page := p.post("/login", url.Values{"name": {name}, "password": {password}})
	require.Equal(t, http.StatusOK, page.status, page.body)
	require.Contains(t, page.body, "Log out")
	return p
}

// page is an answer.
type page struct {
	status int
	body   string
	header http.Header
	path   string // where redirects led
}

// get follows redirects.
func (p *person) get(path string) page { return p.do("GET", path, nil) }

// post sends a form and follows redirects.
func (p *person) post(path string, form url.Values) page {
	return p.do("POST", path, strings.NewReader(form.Encode()), "Content-Type", "application/x-www-form-urlencoded")
}

// do sends a request with headers, given as pairs.
func (p *person) do(method, path string, body io.Reader, headers ...string) page {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, body)
	require.NoError(p.t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := p.client.Do(r)
	require.NoError(p.t, err)
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	require.NoError(p.t, err)
	return page{reply.StatusCode, string(text), reply.Header, reply.Request.URL.RequestURI()}
}
