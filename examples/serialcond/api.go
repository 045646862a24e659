package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

// api answers HTTP. README.md describes it.
type api struct {
	*server
	sessions *sessions
}

// serveHTTP answers until ctx ends.
func (s *server) serveHTTP(ctx context.Context, l net.Listener) error {
	a := &api{server: s, sessions: newSessions()}
	h := &http.Server{
		Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, // streams end with it
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() {
		if s.settings.HTTP.Cert != "" {
			served <- h.ServeTLS(l, s.settings.HTTP.Cert, s.settings.HTTP.Key)
			return
		}
		served <- h.Serve(l)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("http: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if h.Shutdown(grace) != nil {
		h.Close()
	}
	return closed(<-served)
}

// maxBody bounds a request's body: a paste, not a file.
const maxBody = 1 << 20

func (a *api) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/consoles", a.known(a.list))
	for pattern, h := range map[string]consoleHandler{
		"GET /v1/consoles/{console}":                        a.status,
		"GET /v1/consoles/{console}/screen":                 a.screen,
		"GET /v1/consoles/{console}/log":                    a.searchLog,
		"GET /v1/consoles/{console}/raw":                    a.raw,
		"GET /v1/consoles/{console}/events":                 a.events,
		"GET /v1/consoles/{console}/last-match":             a.lastMatch,
		"GET /v1/consoles/{console}/stream":                 a.stream,
		"POST /v1/consoles/{console}/sessions/{id}/input":   a.input,
		"POST /v1/consoles/{console}/sessions/{id}/break":   a.breakLine,
		"POST /v1/consoles/{console}/sessions/{id}/acquire": a.acquire,
		"POST /v1/consoles/{console}/sessions/{id}/release": a.release,
		"POST /v1/consoles/{console}/power/{action}":        a.switchPower,
	} {
		mux.Handle(pattern, a.known(a.of(h)))
	}
	// A browser sends its user's token to nobody by itself, but a page of
	// somebody else's has no business here either.
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, maxBody))
}

// userHandler answers a user. An error is the answer.
type userHandler func(w http.ResponseWriter, r *http.Request, u *user) error

// known lets users in.
func (a *api) known(h userHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		u := a.users.byRequest(r)
		if u == nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="serialcond"`)
			fail(w, http.StatusUnauthorized, errors.New("no token, or none that is known"))
			return
		}
		if err := h(w, r, u); err != nil {
			fail(w, statusOf(err), err)
		}
	})
}

// consoleHandler answers a user about a console that is theirs.
type consoleHandler func(w http.ResponseWriter, r *http.Request, u *user, c *console) error

// of finds the console. Of somebody else's a user is told no more than of one
// that is not there.
func (a *api) of(h consoleHandler) userHandler {
	return func(w http.ResponseWriter, r *http.Request, u *user) error {
		c := a.rack.find(r.PathValue("console"))
		if c == nil || !u.may(c.Name) {
			return errNotYours
		}
		return h(w, r, u, c)
	}
}

// requestError is a fault of the request's.
type requestError struct{ error }

func statusOf(err error) int {
	var bad requestError
	switch {
	case errors.As(err, &bad), errors.Is(err, errNoAction):
		return http.StatusBadRequest
	case errors.Is(err, errNotYours), errors.Is(err, errNoSession), errors.Is(err, errNoMatch):
		return http.StatusNotFound
	case errors.Is(err, serialcon.ErrReadOnly), errors.Is(err, errNoPower), errors.Is(err, errNoSpy):
		return http.StatusForbidden
	case errors.Is(err, serialcon.ErrDetached):
		return http.StatusGone
	case errors.Is(err, serialcon.ErrDown):
		return http.StatusConflict
	case errors.Is(err, serialcon.ErrNoBreak), errors.Is(err, errPowerUnset):
		return http.StatusNotImplemented
	}
	return http.StatusBadGateway
}

func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // the client has gone
	return nil
}

// summary is a console in lists.
type summary struct {
	Name    string `json:"name"`
	Machine string `json:"machine"`
	Port    string `json:"port"`
	serialcon.Stats
}

func (c *console) summary() summary {
	return summary{c.Name, c.config.Machine, c.keeper.String(), c.Stats()}
}

func (a *api) list(w http.ResponseWriter, _ *http.Request, u *user) error {
	list := []summary{}
	for _, c := range a.rack.all() {
		if u.may(c.Name) {
			list = append(list, c.summary())
		}
	}
	return answer(w, list)
}

func (a *api) status(w http.ResponseWriter, _ *http.Request, u *user, c *console) error {
	viewers := []serialcon.Viewer{}
	for _, v := range c.Viewers() {
		if !v.Spy || u.admin {
			viewers = append(viewers, v)
		}
	}
	return answer(w, struct {
		summary
		Watchers []serialcon.Viewer `json:"watchers"`
	}{c.summary(), viewers})
}

func (a *api) switchPower(w http.ResponseWriter, r *http.Request, u *user, c *console) error {
	action := r.PathValue("action")
	out, err := a.powerOf(r.Context(), u, c, action)
	entry := sshd.Entry{Kind: sshd.AuditExec, Who: u.name, From: r.RemoteAddr, Console: c.Name, What: "power " + action}
	if err != nil {
		entry.Err = err.Error()
	}
	a.audit.http(entry)
	if err != nil {
		return err
	}
	return answer(w, map[string]string{"console": c.Name, "action": action, "output": out})
}

// input takes what a person types. Bytes go to the port as they are.
func (a *api) input(w http.ResponseWriter, r *http.Request, u *user, c *console) error {
	s, err := a.sessions.find(r.PathValue("id"), u, c)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return requestError{err}
	}
	if _, err := s.Send(r.Context(), text); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) breakLine(w http.ResponseWriter, r *http.Request, u *user, c *console) error {
	s, err := a.sessions.find(r.PathValue("id"), u, c)
	if err != nil {
		return err
	}
	var length time.Duration
	if text := r.FormValue("length"); text != "" {
		if length, err = time.ParseDuration(text); err != nil {
			return requestError{fmt.Errorf("length: %w", err)}
		}
	}
	err = s.Break(r.Context(), length)
	entry := sshd.Entry{Kind: sshd.AuditBreak, Who: u.name, From: r.RemoteAddr, Console: c.Name}
	if err != nil {
		entry.Err = err.Error()
	}
	a.audit.http(entry)
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (a *api) acquire(w http.ResponseWriter, r *http.Request, u *user, c *console) error {
	s, err := a.sessions.find(r.PathValue("id"), u, c)
	if err != nil {
		return err
	}
	if err := s.Acquire(r.FormValue("force") == "1"); err != nil {
		return err
	}
	return answer(w, map[string]string{"mode": s.Mode().String()})
}

func (a *api) release(w http.ResponseWriter, r *http.Request, u *user, c *console) error {
	s, err := a.sessions.find(r.PathValue("id"), u, c)
	if err != nil {
		return err
	}
	s.Release()
	return answer(w, map[string]string{"mode": s.Mode().String()})
}
