package main

import (
	"net/http"

	"github.com/mythic-beasts/hostkit/poe"
)

// machineState is what the webhook power driver of MAAS looks for in an answer:
// "status : running" or "status : stopped". Anything else it takes for unknown.
type machineState struct {
	Machine    string        `json:"machine"`
	Status     string        `json:"status"`
	Detection  poe.Detection `json:"detection"`
	Milliwatts int64         `json:"milliwatts,omitempty"`
}

type problem struct {
	Error string `json:"error"`
}

// stateOf says running of a port that gives power, and stopped of one that is
// off. One that is on and gives none is neither.
func stateOf(t target, st poe.PortStatus) machineState {
	m := machineState{Machine: t.String(), Status: "no power", Detection: st.Detection}
	switch {
	case st.Delivering():
		m.Status, m.Milliwatts = "running", st.Power.Milliwatts
	case st.Dark():
		m.Status = "stopped"
	}
	return m
}

// query is power_query_uri.
func (s *service) query(w http.ResponseWriter, r *http.Request) {
	_, t, err := s.permit(r)
	var st poe.PortStatus
	if err == nil {
		st, err = s.state(r.Context(), t)
	}
	if err != nil {
		answer(w, statusOf(err), problem{err.Error()})
		return
	}
	answer(w, http.StatusOK, stateOf(t, st))
}

// order is power_on_uri and power_off_uri.
func (s *service) order(w http.ResponseWriter, r *http.Request) {
	who, t, err := s.permit(r)
	if err != nil {
		answer(w, statusOf(err), problem{err.Error()})
		return
	}
	word := r.PathValue("word")
	if word != "on" && word != "off" && word != "cycle" {
		answer(w, http.StatusNotFound, problem{"there is on, off and cycle"})
		return
	}
	res, err := s.act(r, t, word, who)
	if err != nil {
		answer(w, statusOf(err), problem{err.Error()})
		return
	}
	answer(w, http.StatusOK, stateOf(t, res.After))
}

// permit finds out who asks, and for which machine.
func (s *service) permit(r *http.Request) (*client, target, error) {
	who, err := s.auth.byHeader(r)
	if err != nil {
		return nil, target{}, err
	}
	t, err := s.machine(who, r.PathValue("name"))
	return who, t, err
}
