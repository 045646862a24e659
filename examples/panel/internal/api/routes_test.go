package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// use is how an operation is used: on a thing of alice's, if it is about one.
type use struct {
	path, body string
	status     int
	// calls is what the house is told, if anything.
	calls string
}

// uses has every operation.
var uses = map[string]use{
	"openapi":     {"/openapi.json", "", 200, ""},
	"me":          {"/me", "", 200, ""},
	"audit":       {"/audit?limit=5&since=2020-01-01T00:00:00Z&before=9999", "", 200, ""},
	"events":      {"/events", "", 200, ""},
	"tokens":      {"/tokens", "", 200, ""},
	"newToken":    {"/tokens", `{"label": "a", "scope": "read", "days": 2}`, 201, ""},
	"revokeToken": {"/tokens/{token}", "", 204, ""},
	"shelves":     {"/shelves", "", 200, ""},
	"pis":         {"/pis", "", 200, ""},
	"pi":          {"/pis/pi-01", "", 200, ""},
	"boots":       {"/pis/pi-01/boots", "", 200, ""},
	"power":       {"/pis/pi-01/power", `{"action": "off", "reason": "smoke"}`, 204, "Power pi-01 off smoke by "},
	"rebuild":     {"/pis/pi-01/rebuild", `{"reason": "smoke"}`, 204, "Rebuild pi-01 by "},
	"searchLog":   {"/pis/pi-01/log?text=linux", "", 200, ""},
	"console":     {"/pis/pi-01/console", "", 200, "Console pi-01 by "},
	"keys":        {"/pis/pi-01/console/keys", `{"keys": "x\r", "take": true}`, 204, "Console pi-01 keyboard by "},
	"domains":     {"/domains", "", 200, ""},
	"domain":      {"/domains/alice.example", "", 200, ""},
	"dnssec":      {"/domains/alice.example/dnssec", `{"on": true}`, 204, "SetDNSSEC alice.example true by "},
	"roll":        {"/domains/alice.example/roll", `{}`, 204, "RollKey alice.example by "},
	"certify":     {"/domains/alice.example/certify", ``, 204, "Certify alice.example by "},
	"sites":       {"/sites", "", 200, ""},
	"site":        {"/sites/www.alice.example", "", 200, ""},
	"proxy":       {"/sites/www.alice.example/proxy", `{"proxy_protocol": "v2"}`, 204, "SetProxy www.alice.example v2 by "},
	"probe":       {"/sites/www.alice.example/probe", `{"reason": "smoke"}`, 200, "Probe www.alice.example"},
}

// eachOperation runs a test for every operation that is not a stream, on a new rig.
func eachOperation(t *testing.T, test func(t *testing.T, r *rig, o api.Operation, u use)) {
	t.Helper()
	require.Len(t, uses, len(api.Operations()), "each operation is used here")
	for _, o := range api.Operations() {
		if o.Stream {
			continue // see events_test.go
		}
		t.Run(o.ID, func(t *testing.T) {
			r := newRig(t)
			u, ok := uses[o.ID]
			require.True(t, ok)
			u.path = strings.ReplaceAll(u.path, "{token}", strings.Split(r.token["alice read"], "_")[1])
			test(t, r, o, u)
		})
	}
}

func TestNobody(t *testing.T) {
	eachOperation(t, func(t *testing.T, r *rig, o api.Operation, u use) {
		got := r.ask("", o.Method, u.path, u.body)
		if o.Open {
			require.Equal(t, u.status, got.StatusCode)
			return
		}
		r.problem(got, http.StatusUnauthorized)
		require.Contains(t, got.Header.Get("WWW-Authenticate"), "Bearer")
		require.Empty(t, r.house.Calls())

		r.token["forged"] = "hkp_" + strings.Split(r.token["alice"], "_")[1] + "_" + strings.Repeat("a", 52)
		r.problem(r.ask("forged", o.Method, u.path, u.body), http.StatusUnauthorized)

		// A cookie is nothing here.
		req, err := http.NewRequestWithContext(t.Context(), o.Method, r.server.URL+api.Prefix+u.path, nil)
		require.NoError(t, err)
		req.AddCookie(&http.Cookie{Name: "panel", Value: r.token["alice"]})
		r.problem(r.do(req), http.StatusUnauthorized)
	})
}

func TestOwner(t *testing.T) {
	eachOperation(t, func(t *testing.T, r *rig, o api.Operation, u use) {
		got := r.ask("alice", o.Method, u.path, u.body)
		require.Equal(t, u.status, got.StatusCode, got.body)
		requireCalls(t, r, u, "alice")
		requireHeaders(t, got)
		for _, word := range []string{"bob", "pi-02", "pi-03", "sw-1 watts"} {
			if !o.Open {
				require.NotContains(t, got.body, word)
			}
		}
	})
}

func TestOperator(t *testing.T) {
	eachOperation(t, func(t *testing.T, r *rig, o api.Operation, u use) {
		if o.ID == "revokeToken" {
			r.problem(r.ask("noc", o.Method, u.path, u.body), http.StatusNotFound) // tokens are each person's own
			return
		}
		got := r.ask("noc", o.Method, u.path, u.body)
		require.Equal(t, u.status, got.StatusCode, got.body)
		requireCalls(t, r, u, "noc")
	})
}

// requireCalls requires that the house was told, and the log too.
func requireCalls(t *testing.T, r *rig, u use, who string) {
	t.Helper()
	if u.calls == "" {
		require.Empty(t, r.house.Calls())
		return
	}
	want := u.calls
	if strings.HasSuffix(want, "by ") {
		want += who
	}
	require.Equal(t, want, r.house.Calls()[0])
	entries, err := r.audit.Query(t.Context(), audit.Filter{Viewer: audit.Viewer{Operator: true}, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, []string{who, string(audit.Token), string(audit.Done), "alice"},
		[]string{entries[0].Name, string(entries[0].By), string(entries[0].Outcome), entries[0].Owner})
	require.True(t, entries[0].From.IsLoopback())
	if strings.Contains(u.body, "smoke") {
		require.Equal(t, "smoke", entries[0].Why)
	}
}

func requireHeaders(t *testing.T, got reply) {
	t.Helper()
	require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
	require.Empty(t, got.Header.Get("Access-Control-Allow-Origin"))
	if got.StatusCode != http.StatusNoContent {
		require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	}
}

// Another customer is answered as if the thing were not there, and lists have theirs alone.
func TestAnotherCustomer(t *testing.T) {
	eachOperation(t, func(t *testing.T, r *rig, o api.Operation, u use) {
		got := r.ask("bob", o.Method, u.path, u.body)
		require.Empty(t, r.house.Calls())
		if strings.Contains(o.Path, "{") {
			p := r.problem(got, http.StatusNotFound)
			name := strings.Split(strings.Split(u.path, "?")[0], "/")[2]
			nothing := strings.Replace(u.path, name, "nothing", 1)
			unknown := r.problem(r.ask("bob", o.Method, nothing, u.body), http.StatusNotFound)
			require.Equal(t, strings.ReplaceAll(p.Detail, name, ""), strings.ReplaceAll(unknown.Detail, "nothing", ""))
			return
		}
		require.Equal(t, u.status, got.StatusCode, got.body)
		if !o.Open {
			require.NotContains(t, got.body, "alice")
			require.NotContains(t, got.body, "pi-01")
		}
	})
}

func TestReadToken(t *testing.T) {
	eachOperation(t, func(t *testing.T, r *rig, o api.Operation, u use) {
		got := r.ask("alice read", o.Method, u.path, u.body)
		if o.Write {
			r.problem(got, http.StatusForbidden)
			require.Empty(t, r.house.Calls())
			return
		}
		require.Equal(t, u.status, got.StatusCode, got.body)
		if o.ID == "revokeToken" { // its own: it is over now
			r.problem(r.ask("alice read", "GET", "/me", ""), http.StatusUnauthorized)
		}
	})
}

func TestReadTokenRevokesNoOther(t *testing.T) {
	r := newRig(t)
	other := strings.Split(r.token["alice"], "_")[1]
	r.problem(r.ask("alice read", "DELETE", "/tokens/"+other, ""), http.StatusForbidden)
	r.problem(r.ask("bob", "DELETE", "/tokens/"+other, ""), http.StatusNotFound)
	require.Equal(t, http.StatusOK, r.ask("alice", "GET", "/me", "").StatusCode)
	require.Equal(t, http.StatusNoContent, r.ask("alice", "DELETE", "/tokens/"+other, "").StatusCode)
	r.problem(r.ask("alice", "GET", "/me", ""), http.StatusUnauthorized)
}

func TestUnrouted(t *testing.T) {
	r := newRig(t)
	r.problem(r.ask("alice", "GET", "/nothing", ""), http.StatusNotFound)
	got := r.ask("alice", "DELETE", "/pis", "")
	r.problem(got, http.StatusMethodNotAllowed)
	require.Equal(t, "GET, HEAD", got.Header.Get("Allow"))
	// A browser's question whether another site may ask is not answered with yes.
	got = r.ask("", "OPTIONS", "/pis", "")
	r.problem(got, http.StatusMethodNotAllowed)
	require.Empty(t, got.Header.Get("Access-Control-Allow-Methods"))
}
