package renew

import (
	"encoding/json"
	"fmt"
	"time"
)

// State is what is remembered about a certificate between one look and the next.
// The zero State is of a certificate that was never obtained. Times are of the
// wall clock, since they are stored.
type State struct {
	// CertID names the certificate as RFC 9773 section 4.1 does, or is its serial
	// number in hex if it has no key identifier. "" is no certificate.
	CertID string `json:"cert_id,omitempty"`
	// NotBefore and NotAfter are the certificate's.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	// Names are those that were asked for, in lower case and in order.
	Names []string `json:"names,omitempty"`
	// Issued is when it was obtained, by our clock. Zero is not known.
	Issued time.Time `json:"issued,omitzero"`
	// Stale says why the certificate is to be replaced at once: it has not the names
	// that are asked for. "" is that it need not be.
	Stale string `json:"-"`

	// ARI is the authority's window. It counts for the certificate that it names.
	ARI Window `json:"ari,omitzero"`
	// AskAt is when to ask the authority next. Zero is at once.
	AskAt time.Time `json:"ask_at,omitzero"`
	// Early is how many times in a row the authority wanted a renewal long before
	// its time.
	Early int `json:"early,omitempty"`

	// Failures counts the tries since the last that succeeded.
	Failures int `json:"failures,omitempty"`
	// Tried is when the last try ended, if it failed.
	Tried time.Time `json:"tried,omitzero"`
	// Wait is how long the authority then wanted to be left alone.
	Wait time.Duration `json:"wait,omitempty"`
	// LastError is why it failed.
	LastError string `json:"last_error,omitempty"`
	// Spent is the budget of the exact set of names: see [Policy].NamesBudget.
	Spent time.Time `json:"spent,omitzero"`
}

// Window is when the authority would like a certificate to be renewed.
type Window struct {
	// CertID is the certificate's that the window is for.
	CertID string `json:"cert_id"`
	// Start and End bound it.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Selected is the moment in it that was chosen.
	Selected time.Time `json:"selected"`
	// Explanation is a page that says why, or "". It is the authority's text: quote it.
	Explanation string `json:"explanation,omitempty"`
}

func parseState(text []byte) (State, error) {
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("renew: parse a stored state: %w", err)
	}
	s.Failures, s.Early = max(s.Failures, 0), max(s.Early, 0)
	return s, nil
}
