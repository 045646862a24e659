package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// events opens a stream. Its lines come by the channel, which is closed at its end.
func (r *rig) events(ctx context.Context, who string) (status int, lines <-chan string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL+api.Prefix+"/events", nil)
	require.NoError(r.t, err)
	req.Header.Set("Authorization", "Bearer "+r.token[who])
	res, err := r.server.Client().Do(req)
	require.NoError(r.t, err)
	out := make(chan string, 100)
	go func() {
		defer res.Body.Close()
		defer close(out)
		for scanner := bufio.NewScanner(res.Body); scanner.Scan(); {
			if scanner.Text() != "" {
				out <- scanner.Text()
			}
		}
	}()
	return res.StatusCode, out
}

func (r *rig) watched(n int) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.house.Watched() == n }, time.Minute, time.Millisecond)
}

func TestEvents(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	status, lines := r.events(ctx, "alice read")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, ": watching", <-lines)
	r.watched(1)
	for _, name := range []string{"pi-02", "pi-03", "pi-01"} {
		r.house.Tell(model.Change{Kind: model.PiKind, Name: name})
	}
	require.Equal(t, "event: change", <-lines)
	require.Equal(t, `data: {"kind":"pi","name":"pi-01"}`, <-lines)
	cancel()
	for line := range lines {
		t.Errorf("more than what is hers: %q", line)
	}
	r.watched(0)
}

// A stream ends with the token, and so does a console's screen that somebody waits for.
func TestRevokedWhileOpen(t *testing.T) {
	r := newRig(t)
	_, lines := r.events(t.Context(), "alice read")
	require.Equal(t, ": watching", <-lines)
	r.watched(1)
	screen := make(chan reply)
	go func() { screen <- r.ask("alice read", "GET", "/pis/pi-01/console?after=1&wait=60", "") }()
	require.Eventually(t, func() bool { return len(r.house.Calls()) == 1 }, time.Minute, time.Millisecond)
	require.NoError(t, r.accounts.RevokeToken(t.Context(), r.who["alice"], strings.Split(r.token["alice read"], "_")[1]))
	for line := range lines {
		t.Errorf("an event after the end: %q", line)
	}
	r.watched(0)
	r.problem(<-screen, http.StatusUnauthorized)
	require.Eventually(t, func() bool { return len(r.house.Calls()) == 2 }, time.Minute, time.Millisecond)
	require.Equal(t, "Close pi-01", r.house.Calls()[1])
}

// Who is no operator any more is told nothing more.
func TestRoleWhileOpen(t *testing.T) {
	r := newRig(t)
	r.add("second", account.Operator)
	_, lines := r.events(t.Context(), "noc")
	require.Equal(t, ": watching", <-lines)
	require.NoError(t, r.accounts.SetRole(t.Context(), account.System(), "noc", account.Customer))
	for line := range lines {
		t.Errorf("an event after the end: %q", line)
	}
	require.JSONEq(t, `{"items":[]}`, r.ask("noc", "GET", "/pis", "").body)
}

func TestTooManyStreams(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	for range 4 {
		status, lines := r.events(ctx, "alice")
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, ": watching", <-lines)
	}
	status, _ := r.events(ctx, "alice")
	require.Equal(t, http.StatusTooManyRequests, status)
	status, _ = r.events(ctx, "alice read")
	require.Equal(t, http.StatusOK, status, "another token has its own")
	r.problem(r.ask("", "GET", "/events", ""), http.StatusUnauthorized)
	cancel()
	r.watched(0)
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		status, _ := r.events(ctx, "alice")
		return status == http.StatusOK
	}, time.Minute, 10*time.Millisecond)
}

func TestConsole(t *testing.T) {
	r := newRig(t)
	read := func(who, query string) model.Screen {
		got := r.ask(who, "GET", "/pis/pi-01/console"+query, "")
		require.Equal(t, http.StatusOK, got.StatusCode, got.body)
		var s model.Screen
		require.NoError(t, json.Unmarshal([]byte(got.body), &s))
		return s
	}
	first := read("alice", "")
	require.Equal(t, "alice login:", first.Text)
	require.Equal(t, http.StatusNoContent, r.ask("alice", "GET", "/pis/pi-01/console?after=1&wait=1", "").StatusCode)

	next := make(chan model.Screen)
	go func() { next <- read("alice read", "?after=1&wait=60") }()
	require.Eventually(t, func() bool { return len(r.house.Calls()) == 2 }, time.Minute, time.Millisecond)
	require.Equal(t, http.StatusNoContent, r.ask("alice", "POST", "/pis/pi-01/console/keys", `{"keys": "ls\r"}`).StatusCode)
	require.Equal(t, "ls\r", (<-next).Text)
	require.True(t, read("alice", "").Keyboard, "the token that typed has the keyboard")

	// The operator is told who has it, takes it, and she must take it back.
	p := r.problem(r.ask("noc", "POST", "/pis/pi-01/console/keys", `{"keys": "x"}`), http.StatusConflict)
	require.Contains(t, p.Detail, "alice has the keyboard")
	require.Equal(t, http.StatusNoContent, r.ask("noc", "POST", "/pis/pi-01/console/keys", `{"keys": "x", "take": true}`).StatusCode)
	r.problem(r.ask("alice", "POST", "/pis/pi-01/console/keys", `{"keys": "y"}`), http.StatusConflict)
	require.Equal(t, http.StatusNoContent, r.ask("alice", "POST", "/pis/pi-01/console/keys", `{"keys": "z", "take": true}`).StatusCode)
	require.Equal(t, "z", read("noc", "").Text)
}

// A token that has lost the keyboard while it was typing takes it back by asking.
func TestConsoleTakenBack(t *testing.T) {
	r := newRig(t)
	for _, who := range []string{"alice", "noc", "alice"} {
		require.Equal(t, http.StatusNoContent, r.ask(who, "POST", "/pis/pi-01/console/keys", `{"keys": "x", "take": true}`).StatusCode)
	}
}

func TestTooManyConsoles(t *testing.T) {
	r := newRig(t)
	for range 20 {
		require.Equal(t, http.StatusOK, r.ask("noc", "GET", "/pis/pi-01/console", "").StatusCode)
	}
	require.Equal(t, []string{"Console pi-01 by noc"}, r.house.Calls(), "one console serves many requests")
	for i := range 15 {
		name := fmt.Sprint("extra-", i)
		r.house.Add(model.Pi{Name: name, Owner: "bob"})
		require.Equal(t, http.StatusOK, r.ask("noc", "GET", "/pis/"+name+"/console", "").StatusCode)
	}
	p := r.problem(r.ask("noc", "GET", "/pis/pi-02/console", ""), http.StatusTooManyRequests)
	require.Contains(t, p.Detail, "too many")
	require.Equal(t, http.StatusOK, r.ask("bob", "GET", "/pis/pi-02/console", "").StatusCode)
}

var errSecret = errors.New("community of the switch is wrong")

func TestRateLimit(t *testing.T) {
	r := newRig(t, func(o *api.Options) { o.Burst, o.Every = 3, time.Hour })
	for range 3 {
		require.Equal(t, http.StatusOK, r.ask("alice", "GET", "/me", "").StatusCode)
	}
	got := r.ask("alice", "GET", "/me", "")
	r.problem(got, http.StatusTooManyRequests)
	require.NotEmpty(t, got.Header.Get("Retry-After"))
	require.NotEqual(t, "0", got.Header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, r.ask("bob", "GET", "/me", "").StatusCode, "each token has its own")
}

func TestTokens(t *testing.T) {
	r := newRig(t)
	got := r.ask("alice", "POST", "/tokens", `{"label": "child", "scope": "write", "days": 366}`)
	require.Equal(t, http.StatusCreated, got.StatusCode)
	var made struct {
		Token   string    `json:"token"`
		ID      string    `json:"id"`
		Expires time.Time `json:"expires"`
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &made))
	parent, err := r.accounts.Token(t.Context(), daemon.NewSecret(r.token["alice"]), r.who["alice"].From)
	require.NoError(t, err)
	require.Equal(t, parent.Expires, made.Expires, "no longer than the one that made it")
	r.token["child"] = made.Token
	require.Equal(t, http.StatusOK, r.ask("child", "GET", "/me", "").StatusCode)
	list := r.ask("alice", "GET", "/tokens", "").body
	require.Contains(t, list, made.ID)
	require.NotContains(t, list, made.Token)
	r.problem(r.ask("alice", "POST", "/tokens", `{"label": " ", "scope": "read"}`), http.StatusUnprocessableEntity)
}

// An inner error is told by number alone.
func TestInnerError(t *testing.T) {
	r := newRig(t)
	r.house.Fail(context.DeadlineExceeded)
	r.problem(r.ask("alice", "GET", "/pis", ""), http.StatusGatewayTimeout)
	r.house.Fail(errSecret)
	p := r.problem(r.ask("alice", "GET", "/pis", ""), http.StatusInternalServerError)
	require.NotEmpty(t, p.Number)
	require.NotContains(t, p.Detail, "community")
	r.house.Fail(model.ErrRefused)
	r.problem(r.ask("alice", "POST", "/domains/alice.example/roll", ""), http.StatusConflict)
}
