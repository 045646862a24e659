package main

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/examples/internal/control"
)

// api is what the control socket serves: HTTP with JSON. Whoever may connect to
// the socket may do everything.
type api struct {
	signer *signer
}

func (a api) handler() http.Handler {
	m := &control.Mux{Status: status}
	m.Handle("GET /zones", a.list)
	m.Handle("GET /zones/{zone}", a.status)
	m.Handle("GET /zones/{zone}/timeline.svg", a.timeline)
	m.Handle("POST /zones/{zone}/{do}", a.do)
	m.Handle("POST /clock", func(w http.ResponseWriter, r *http.Request) error {
		return control.Answer(w, struct{}{}, a.signer.ConfirmClock(r.Context()))
	})
	return m
}

func (a api) list(w http.ResponseWriter, r *http.Request) error {
	names, err := a.signer.List(r.Context())
	if names == nil {
		names = []string{}
	}
	return control.Answer(w, names, err)
}

func (a api) status(w http.ResponseWriter, r *http.Request) error {
	zone, err := zoneOf(r)
	if err != nil {
		return err
	}
	st, err := a.signer.Status(r.Context(), zone)
	if err != nil {
		return err
	}
	return control.Answer(w, newView(st), nil)
}

func (a api) timeline(w http.ResponseWriter, r *http.Request) error {
	zone, err := zoneOf(r)
	if err != nil {
		return err
	}
	past, err := durationOf(r, "past")
	if err != nil {
		return err
	}
	future, err := durationOf(r, "for")
	if err != nil {
		return err
	}
	chart, err := a.signer.chart(r.Context(), zone, past, future)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	return chart.WriteSVG(w)
}

// do is one of the verbs. The answer is the status after it.
func (a api) do(w http.ResponseWriter, r *http.Request) error {
	zone, err := zoneOf(r)
	if err != nil {
		return err
	}
	m, ctx := a.signer.Manager, r.Context()
	switch verb := r.PathValue("do"); verb {
	case "enable":
		err = a.signer.enable(ctx, zone)
	case "disable":
		err = m.Disable(ctx, zone)
	case "roll":
		err = a.roll(r, zone)
	case "ds":
		err = a.ds(r, zone)
	case "abort":
		err = m.Abort(ctx, zone)
	case "resume":
		err = m.Resume(ctx, zone)
	case "approve":
		err = m.Approve(ctx, zone)
	case "resign":
		err = m.Resign(ctx, zone)
	default:
		err = control.Refuse(http.StatusNotFound, "there is nothing called %q to do", verb)
	}
	if err != nil {
		return err
	}
	return a.status(w, r)
}

var roles = map[string]rotate.Role{"ksk": rotate.KSK, "zsk": rotate.ZSK, "csk": rotate.CSK}

func (a api) roll(r *http.Request, zone string) error {
	role, ok := roles[r.FormValue("role")]
	if !ok {
		return badRequest("role", r.FormValue("role"), "is not ksk, zsk or csk")
	}
	return a.signer.Roll(r.Context(), zone, rotate.Roll{Role: role, Emergency: r.FormValue("emergency") == "true"})
}

func (a api) ds(r *http.Request, zone string) error {
	tag, err := strconv.ParseUint(r.FormValue("tag"), 10, 16)
	if err != nil {
		return badRequest("tag", r.FormValue("tag"), "is not a key tag")
	}
	present, ok := map[string]bool{"present": true, "absent": false}[r.FormValue("is")]
	if !ok {
		return badRequest("is", r.FormValue("is"), "is not present or absent")
	}
	return a.signer.ConfirmDS(r.Context(), zone, uint16(tag), present)
}

func zoneOf(r *http.Request) (string, error) {
	zone, err := canonical(r.PathValue("zone"))
	if err != nil {
		return "", badRequest("zone", r.PathValue("zone"), err.Error())
	}
	return zone, nil
}

func durationOf(r *http.Request, name string) (time.Duration, error) {
	text := r.FormValue(name)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, badRequest(name, text, "is not a duration, as in 2160h")
	}
	return d, nil
}

func badRequest(name, value, why string) error {
	return control.Refuse(http.StatusBadRequest, "%s: %q %s", name, value, why)
}

// status is that of an error from what cannot be done now.
func status(err error) int {
	for _, conflict := range []error{rotate.ErrNothing, rotate.ErrTooLate, rotate.ErrPolicy, manager.ErrDamaged} {
		if errors.Is(err, conflict) {
			return http.StatusConflict
		}
	}
	return 0
}
