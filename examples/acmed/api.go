package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/mythic-beasts/hostkit/acme/renew"
)

// api is what the control socket serves: HTTP with JSON. Whoever may connect to the
// socket may do everything.
type api struct {
	keeper *keeper
}

// refusal is an answer that is an error, in JSON {"error": "..."}.
type refusal struct {
	status int
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

func (a api) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, fn func(w http.ResponseWriter, r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := fn(w, r); err != nil {
				answerError(w, err)
			}
		})
	}
	handle("GET /certificates", a.list)
	handle("GET /certificates/{name}", a.status)
	handle("POST /certificates/{name}/renew", a.renew)
	handle("POST /certificates/{name}/look", a.look)
	handle("POST /accounts/{name}/rollover", a.rollover)
	return mux
}

func (a api) list(w http.ResponseWriter, r *http.Request) error {
	views, err := a.keeper.views(r.Context(), nil)
	return answer(w, views, err)
}

func (a api) status(w http.ResponseWriter, r *http.Request) error {
	views, err := a.keeper.views(r.Context(), []string{r.PathValue("name")})
	if err != nil {
		return err
	}
	return answer(w, views[0], nil)
}

// renew answers when the certificate is renewed, or when that has failed. With
// wait=false it answers at once.
func (a api) renew(w http.ResponseWriter, r *http.Request) error {
	name, m, err := a.manager(r)
	if err != nil {
		return err
	}
	if r.FormValue("wait") == "false" {
		return answer(w, struct{}{}, m.Renew(name))
	}
	if _, err := a.keeper.events.await(r.Context(), name, func() error { return m.Renew(name) }); err != nil {
		return err
	}
	return a.status(w, r)
}

// look has a certificate looked at, which another process has replaced.
func (a api) look(w http.ResponseWriter, r *http.Request) error {
	name, m, err := a.manager(r)
	if err != nil {
		return err
	}
	cfg := a.keeper.current()
	cert, _ := cfg.certificate(name)
	return answer(w, struct{}{}, m.Add(name, cfg.request(cert)))
}

// manager is that of a certificate.
func (a api) manager(r *http.Request) (string, *renew.Manager, error) {
	name := r.PathValue("name")
	cert, ok := a.keeper.current().certificate(name)
	if !ok {
		return "", nil, notConfigured(name)
	}
	return name, a.keeper.managers[cert.Account], nil
}

func notConfigured(name string) error {
	return &refusal{http.StatusNotFound, fmt.Errorf("certificate %q is not configured", name)}
}

func (a api) rollover(w http.ResponseWriter, r *http.Request) error {
	account, ok := a.keeper.accounts[r.PathValue("name")]
	if !ok {
		return &refusal{http.StatusNotFound, fmt.Errorf("account %q is not configured", r.PathValue("name"))}
	}
	return answer(w, struct{}{}, account.rollover(r.Context()))
}

func answer(w http.ResponseWriter, v any, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// answerError tells an error from what cannot be done from what went wrong.
func answerError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	refused := (*refusal)(nil)
	switch {
	case errors.As(err, &refused):
		status = refused.status
	case errors.Is(err, fs.ErrNotExist):
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
