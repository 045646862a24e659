package control_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/internal/control"
)

var errBusy = errors.New("busy")

func mux() *control.Mux {
	m := &control.Mux{Status: func(err error) int {
		if errors.Is(err, errBusy) {
			return http.StatusConflict
		}
		return 0
	}}
	m.Handle("GET /words/{word}", func(w http.ResponseWriter, r *http.Request) error {
		return control.Answer(w, r.PathValue("word")+" "+r.FormValue("form"), nil)
	})
	m.Handle("POST /fail/{how}", func(w http.ResponseWriter, r *http.Request) error {
		return control.Answer(w, "not this", map[string]error{
			"refused": fmt.Errorf("no: %w", control.Refuse(http.StatusTeapot, "%s only", "tea")),
			"busy":    fmt.Errorf("it is %w", errBusy),
			"gone":    fmt.Errorf("zone: %w", fs.ErrNotExist),
			"broken":  errors.New("broken"),
		}[r.PathValue("how")])
	})
	m.Handle("POST /wait", func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	})
	m.Handle("GET /plain", func(w http.ResponseWriter, _ *http.Request) error {
		http.Error(w, "no JSON", http.StatusBadGateway)
		return nil
	})
	return m
}

// serve serves until the function is called, or the test ends.
func serve(t *testing.T) (control.Client, func()) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "folder", "control")
	l, err := control.Listen(t.Context(), socket)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- control.Serve(ctx, l, mux()) }()
	stop := func() {
		cancel()
		require.NoError(t, <-ended)
		ended <- nil
	}
	t.Cleanup(stop)
	return control.Client{Socket: socket, Timeout: time.Minute}, stop
}

func TestCall(t *testing.T) {
	c, _ := serve(t)
	body, err := c.Call(t.Context(), http.MethodGet, "/words/one two", url.Values{"form": {"a&b"}})
	require.NoError(t, err)
	require.Equal(t, `"one two a\u0026b"`, strings.TrimSpace(string(body)))
	for path, want := range map[string]string{
		"/fail/refused": "no: tea only", "/fail/busy": "it is busy", "/fail/gone": "zone: file does not exist", "/fail/broken": "broken",
		"/nothing": "404 Not Found",
	} {
		_, err := c.Call(t.Context(), http.MethodPost, path, nil)
		require.EqualError(t, err, want)
		require.NotErrorIs(t, err, control.ErrNoDaemon)
	}
	_, err = c.Call(t.Context(), http.MethodGet, "/plain", nil)
	require.EqualError(t, err, "502 Bad Gateway")
	info, err := os.Stat(filepath.Dir(c.Socket))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o007, "nobody else may come near")
}

func TestStatuses(t *testing.T) {
	for path, want := range map[string]int{
		"/fail/refused": http.StatusTeapot, "/fail/busy": http.StatusConflict, "/fail/gone": http.StatusNotFound,
		"/fail/broken": http.StatusInternalServerError, "/fail/none": http.StatusOK,
	} {
		w := &recorder{header: http.Header{}, status: http.StatusOK}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, http.NoBody)
		require.NoError(t, err)
		mux().ServeHTTP(w, r)
		require.Equal(t, want, w.status, path)
		require.Equal(t, "application/json", w.header.Get("Content-Type"), path)
	}
}

type recorder struct {
	header http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }

// What waits ends with the daemon, and after that there is none.
func TestTheDaemonEnds(t *testing.T) {
	c, stop := serve(t)
	waits := make(chan error, 1)
	go func() {
		_, err := c.Call(t.Context(), http.MethodPost, "/wait", nil)
		waits <- err
	}()
	_, err := c.Call(t.Context(), http.MethodGet, "/words/a", nil)
	require.NoError(t, err)
	stop()
	require.Error(t, <-waits)
	_, err = c.Call(t.Context(), http.MethodGet, "/words/a", nil)
	require.ErrorIs(t, err, control.ErrNoDaemon)
	require.ErrorContains(t, err, "ask the daemon on "+c.Socket+": the daemon does not answer: dial unix")
	require.NotContains(t, err.Error(), "http://")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Call(ctx, http.MethodGet, "/words/a", nil)
	require.ErrorIs(t, err, context.Canceled)
}
