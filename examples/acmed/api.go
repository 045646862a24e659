package main

import (
	"net/http"

	"github.com/mythic-beasts/hostkit/acme/renew"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
)

// api is what the control socket serves: HTTP with JSON. Whoever may connect to the
// socket may do everything.
type api struct {
	keeper *keeper
}

func (a api) handler() http.Handler {
	m := new(control.Mux)
	m.Handle("GET /certificates", a.list)
	m.Handle("GET /certificates/{name}", a.status)
	m.Handle("POST /certificates/{name}/renew", a.renew)
	m.Handle("POST /certificates/{name}/look", a.look)
	m.Handle("POST /accounts/{name}/rollover", a.rollover)
	return m
}

func (a api) list(w http.ResponseWriter, r *http.Request) error {
	views, err := a.keeper.views(r.Context(), nil)
	return control.Answer(w, views, err)
}

func (a api) status(w http.ResponseWriter, r *http.Request) error {
	views, err := a.keeper.views(r.Context(), []string{r.PathValue("name")})
	if err != nil {
		return err
	}
	return control.Answer(w, views[0], nil)
}

// renew answers when the certificate is renewed, or when that has failed. With
// wait=false it answers at once.
func (a api) renew(w http.ResponseWriter, r *http.Request) error {
	name, m, err := a.manager(r)
	if err != nil {
		return err
	}
	if r.FormValue("wait") == "false" {
		return control.Answer(w, struct{}{}, m.Renew(name))
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
	return control.Answer(w, struct{}{}, m.Add(name, cfg.request(cert)))
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
	return control.Refuse(http.StatusNotFound, "certificate %q is not configured", name)
}

func (a api) rollover(w http.ResponseWriter, r *http.Request) error {
	account, ok := a.keeper.accounts[r.PathValue("name")]
	if !ok {
		return control.Refuse(http.StatusNotFound, "account %q is not configured", r.PathValue("name"))
	}
	return control.Answer(w, struct{}{}, account.rollover(r.Context()))
}
