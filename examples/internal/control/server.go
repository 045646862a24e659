package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// Listen opens the socket, also after a process that was killed. It makes its folder.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	return daemon.ListenUnix(ctx, path)
}

// drain is how long what is being answered may take once the daemon ends.
const drain = 10 * time.Second

// Serve answers until ctx ends, which ends the contexts of requests as well.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	g, ctx := errgroup.WithContext(ctx)
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	g.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		return s.Shutdown(grace)
	})
	return g.Wait()
}

// Mux has a function for each pattern. Its zero value is empty.
type Mux struct {
	// Status is the HTTP status of an error that is no refusal, or 0 for the usual:
	// 404 for [fs.ErrNotExist], and 500. Nil is always the usual.
	Status func(error) int

	mux http.ServeMux
}

// Handle adds a function. What it returns is answered as JSON {"error": "..."}.
func (m *Mux) Handle(pattern string, fn func(w http.ResponseWriter, r *http.Request) error) {
	m.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		err := fn(w, r)
		if err == nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(m.status(err))
		_ = json.NewEncoder(w).Encode(problem{err.Error()})
	})
}

// ServeHTTP implements [http.Handler].
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// problem is an answer that is an error.
type problem struct {
	Error string `json:"error"`
}

func (m *Mux) status(err error) int {
	if r := (*refusal)(nil); errors.As(err, &r) {
		return r.status
	}
	if m.Status != nil {
		if status := m.Status(err); status != 0 {
			return status
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

// refusal is an error with a status of its own.
type refusal struct {
	status int
	why    string
}

func (r *refusal) Error() string { return r.why }

// Refuse is an error that is answered with a status.
func Refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// Answer writes v as JSON, if err is nil. It returns err, for functions of a [Mux].
func Answer(w http.ResponseWriter, v any, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}
