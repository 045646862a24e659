package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// history is what somebody is answered about the past.
func (r *rig) history(who, query string) (items []audit.Entry) {
	r.t.Helper()
	got := r.ask(who, "GET", "/audit"+query, "")
	require.Equal(r.t, http.StatusOK, got.StatusCode, got.body)
	var list struct{ Items []audit.Entry }
	require.NoError(r.t, json.Unmarshal([]byte(got.body), &list))
	return list.Items
}

func TestHistory(t *testing.T) {
	r := newRig(t)
	for i := range 3 {
		for _, who := range []string{"alice", "noc"} {
			body := fmt.Sprintf(`{"action": "cycle", "reason": "try %d of %s"}`, i, who)
			require.Equal(t, http.StatusNoContent, r.ask(who, "POST", "/pis/pi-01/power", body).StatusCode)
		}
		r.problem(r.ask("bob", "POST", "/pis/pi-01/power", `{"action": "off", "reason": "spite"}`), http.StatusNotFound)
	}
	hers := r.history("alice", "?thing=pi-01")
	require.Len(t, hers, 6)
	require.Equal(t, "try 2 of noc", hers[0].Why)
	require.False(t, hers[0].From.IsValid(), "where the operator was")
	require.True(t, hers[1].From.IsLoopback(), "where she was")
	require.Equal(t, audit.Done, hers[0].Outcome)

	his := r.history("bob", "?thing=pi-01")
	require.Len(t, his, 3, "what he tried, and nothing of hers")
	for _, e := range his {
		require.Equal(t, []any{"bob", audit.Denied, "", "spite"}, []any{e.Name, e.Outcome, e.Owner, e.Why})
	}

	require.Len(t, r.history("noc", "?thing=pi-01&kind=pi&action=pi.power"), 9)
	require.Len(t, r.history("noc", "?thing=pi-01&who=bob"), 3)
	require.Empty(t, r.history("alice", "?who=bob"))
	require.Empty(t, r.history("alice", "?until=2020-01-01T00:00:00Z"))
	first := r.history("alice", "?thing=pi-01&limit=2")
	next := r.history("alice", fmt.Sprintf("?thing=pi-01&limit=2&before=%d", first[1].Number))
	require.Equal(t, hers[:4], append(first, next...))
}

// What a stranger calls a thing is shown as text, in the answer and in the log.
func TestStrangersNames(t *testing.T) {
	r := newRig(t)
	p := r.problem(r.ask("alice", "POST", "/pis/%1b%5B2J%0Apower/power", `{"action": "on", "reason": "\u001b[31m"}`), http.StatusNotFound)
	require.NotContains(t, p.Detail, "\x1b")
	e := r.history("alice", "?limit=1")[0]
	require.Equal(t, `\x1b[2J\npower`, e.Thing)
	require.Equal(t, `\x1b[31m`, e.Why)
}
