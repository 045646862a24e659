package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
)

func TestStrictBodies(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name, body, field, detail string
		status                    int
	}{
		{"unknown", `{"action": "on", "reason": "r", "force": true}`, "force", `field "force" is unknown`, 400},
		{"another case", `{"Action": "on", "reason": "r"}`, "action", `field "action" is missing`, 400},
		{"missing", `{"action": "on"}`, "reason", `field "reason" is missing`, 400},
		{"twice", `{"action": "on", "action": "off", "reason": "r"}`, "action", "twice", 400},
		{"type", `{"action": 1, "reason": "r"}`, "action", "is no text", 400},
		{"null", `{"action": null, "reason": "r"}`, "action", "is no text", 400},
		{"value", `{"action": "explode", "reason": "r"}`, "action", "is one of on, off, cycle", 400},
		{"too long", `{"action": "on", "reason": "` + strings.Repeat("é", 501) + `"}`, "reason", "500 characters at most", 400},
		{"list", `[]`, "", "no JSON object", 400},
		{"rubbish", `{`, "", "no JSON object", 400},
		{"half", `{"action": "on"`, "", "no JSON object", 400},
		{"more", `{"action": "on", "reason": "r"} {}`, "", "something after", 400},
		{"empty", ``, "action", "missing", 400},
		{"huge", `{"reason": "` + strings.Repeat("x", 1<<17) + `"}`, "", "64 KiB", 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := r.problem(r.ask("alice", "POST", "/pis/pi-01/power", c.body), c.status)
			require.Equal(t, c.field, p.Field)
			require.Contains(t, p.Detail, c.detail)
		})
	}
	require.Empty(t, r.house.Calls())
	require.Equal(t, http.StatusNoContent, r.ask("alice", "POST", "/pis/pi-01/power", `{"action": "on", "reason": "`+strings.Repeat("é", 500)+`"}`).StatusCode)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.server.URL+api.Prefix+"/pis/pi-01/power", strings.NewReader(`{"action": "on", "reason": "r"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "bearer "+r.token["alice"])
	req.Header.Set("Content-Type", "text/plain") // what a form of another site could send
	r.problem(r.do(req), http.StatusUnsupportedMediaType)
}

func TestStrictQueries(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string]string{
		"?no=1":             `parameter "no" is unknown`,
		"?limit=1&limit=2":  `parameter "limit" is there twice`,
		"?limit=many":       `parameter "limit" is no whole number`,
		"?limit=-1":         `field "limit" is from 1 to 1000`,
		"?limit=0":          `field "limit" is from 1 to 1000`,
		"?limit=1001":       `field "limit" is from 1 to 1000`,
		"?before=-1":        `parameter "before" is no whole number`,
		"?since=yesterday":  `parameter "since" is no time as 2026-01-31T12:00:00Z`,
		"?since=2026-01-01": `parameter "since" is no time`,
	} {
		p := r.problem(r.ask("alice", "GET", "/audit"+query, ""), http.StatusBadRequest)
		require.Contains(t, p.Detail, want)
		require.Equal(t, strings.Split(strings.TrimPrefix(query, "?"), "=")[0], p.Field)
	}
	require.Equal(t, http.StatusOK, r.ask("alice", "GET", "/audit?until=2020-01-01T00:00:00%2B02:00", "").StatusCode)
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"action":"on","reason":"r"}`, `{"action":"on","action":"on"}`, `{`, `[]`, `{"label":"a","scope":"read","days":3}`, "null", `{"action":{"a":[1]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		action, reason, err := api.DecodePower(data)
		if err == nil {
			require.Contains(t, []string{"on", "off", "cycle"}, action)
			require.LessOrEqual(t, len([]rune(reason)), 500)
			var fields map[string]any
			require.NoError(t, json.Unmarshal(data, &fields), "what is accepted is JSON")
			require.Len(t, fields, 2)
		}
		if days, err := api.DecodeToken(data); err == nil {
			require.LessOrEqual(t, days, 366)
			require.GreaterOrEqual(t, days, 0)
		}
	})
}
