package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/access/accesstest"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/api"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// direct is an API without a server, for bubbles of time.
type direct struct {
	t       *testing.T
	house   *accesstest.House
	handler http.Handler
	token   string
}

func newDirect(t *testing.T, house *accesstest.House, all model.House) *direct {
	t.Helper()
	records, err := audit.Open(audit.Options{})
	require.NoError(t, err)
	store, err := account.Open(account.Options{Hash: account.Cost{Time: 1, Memory: 64, Threads: 1}, Audit: records})
	require.NoError(t, err)
	password := daemon.NewSecret("four words and more")
	require.NoError(t, store.Add(t.Context(), account.System(), "alice", account.Customer, password))
	session, err := store.Login(t.Context(), account.Attempt{Name: "alice", Password: password})
	require.NoError(t, err)
	who, err := store.Session(t.Context(), session.Token, session.From)
	require.NoError(t, err)
	token, err := store.NewToken(t.Context(), who, "test", account.Write, 0)
	require.NoError(t, err)
	return &direct{t, house, api.New(api.Options{House: all, Accounts: store, Audit: records}), token.Secret.Reveal()}
}

func (d *direct) ask(ctx context.Context, method, path, body string) *writer {
	req := httptest.NewRequestWithContext(ctx, method, api.Prefix+path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", "application/json")
	w := &writer{ResponseRecorder: httptest.NewRecorder()}
	d.handler.ServeHTTP(w, req)
	return w
}

// writer is a recorder that many may use.
type writer struct {
	mu sync.Mutex
	*httptest.ResponseRecorder
}

func (w *writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ResponseRecorder.Write(b)
}

// A console that nobody asks for any more is closed, and the keyboard with it.
func TestConsoleIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := accesstest.New()
		d := newDirect(t, house, house)
		require.Equal(t, http.StatusNoContent, d.ask(t.Context(), "POST", "/pis/pi-01/console/keys", `{"keys": "x"}`).Code)
		for range 3 {
			<-time.After(50 * time.Second)
			require.Equal(t, http.StatusOK, d.ask(t.Context(), "GET", "/pis/pi-01/console", "").Code)
		}
		require.Len(t, house.Calls(), 1)
		// One that is waited on is in use, however long.
		began := time.Now()
		require.Equal(t, http.StatusNoContent, d.ask(t.Context(), "GET", "/pis/pi-01/console?after=2&wait=60", "").Code)
		require.Equal(t, time.Minute, time.Since(began))
		require.Len(t, house.Calls(), 1)
		<-time.After(61 * time.Second)
		synctest.Wait()
		require.Equal(t, "Close pi-01", house.Calls()[1])
		require.Equal(t, http.StatusNoContent, d.ask(t.Context(), "POST", "/pis/pi-01/console/keys", `{"keys": "x"}`).Code)
		<-time.After(2 * time.Minute)
	})
}

// Between events a reader is shown that the stream lives.
func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := accesstest.New()
		d := newDirect(t, house, house)
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		w := d.ask(ctx, "GET", "/events", "")
		require.Equal(t, ": watching\n\n: still here\n\n: still here\n\n", w.Body.String())
		require.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
		require.Zero(t, house.Watched())
	})
}

// slow switches power in an hour, unless it is told to stop.
type slow struct {
	*accesstest.House
	after time.Duration
}

func (s slow) Power(ctx context.Context, name string, action model.PowerAction, reason, by string) error {
	select {
	case <-time.After(s.after):
		return s.House.Power(ctx, name, action, reason, by)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestSlowChanges(t *testing.T) {
	const body = `{"action": "off", "reason": "smoke"}`
	synctest.Test(t, func(t *testing.T) {
		house := accesstest.New()
		d := newDirect(t, house, slow{house, time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		d.ask(ctx, "POST", "/pis/pi-01/power", body)
		require.Equal(t, []string{"Power pi-01 off smoke by alice"}, house.Calls(), "it is done although nobody waits")
	})
	synctest.Test(t, func(t *testing.T) {
		house := accesstest.New()
		d := newDirect(t, house, slow{house, time.Hour})
		began := time.Now()
		w := d.ask(t.Context(), "POST", "/pis/pi-01/power", body)
		require.Equal(t, http.StatusGatewayTimeout, w.Code)
		require.Contains(t, w.Body.String(), "look at what it is about")
		require.Equal(t, 2*time.Minute, time.Since(began))
		require.Empty(t, house.Calls())
	})
}

// The bucket of a token fills again.
func TestRateLimitRefills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		house := accesstest.New()
		d := newDirect(t, house, house)
		var refused int
		for range 100 {
			if d.ask(t.Context(), "GET", "/me", "").Code == http.StatusTooManyRequests {
				refused++
			}
		}
		require.Equal(t, 40, refused)
		<-time.After(time.Second)
		for range 10 {
			require.Equal(t, http.StatusOK, d.ask(t.Context(), "GET", "/me", "").Code)
		}
	})
}
