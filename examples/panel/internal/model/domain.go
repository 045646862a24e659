package model

import "time"

// Domain is a customer's domain: its zone, and its certificate.
type Domain struct {
	Name   string      `json:"name"`
	Owner  string      `json:"owner"`
	DNSSEC DNSSEC      `json:"dnssec"`
	Cert   Certificate `json:"certificate"`
}

// DNSSEC is how the signing of a zone is.
type DNSSEC struct {
	// On is whether the button was pressed.
	On bool `json:"on"`
	// Secure is whether the parent's DS leads to the zone's keys.
	Secure bool `json:"secure"`
	// Words say how it is and what it waits for.
	Words string `json:"words"`
	// Problem says what a person must do. "" is nothing.
	Problem string `json:"problem,omitempty"`
	// Next is when the next step may be taken. Zero is not known.
	Next time.Time `json:"next,omitzero"`
	// DS are the records for the parent, in presentation form.
	DS []string `json:"ds,omitempty"`
	// Keys are those that there are.
	Keys []Key `json:"keys,omitempty"`
	// Timeline is an SVG image of what was and what will be. It has no script.
	Timeline string `json:"-"`
}

// Key is a key of a zone.
type Key struct {
	Tag       uint16 `json:"tag"`
	Role      string `json:"role"`
	Algorithm string `json:"algorithm"`
	// State says in words what it does.
	State string `json:"state"`
}

// Certificate is how a domain's certificate is.
type Certificate struct {
	// Names are those that it is for. None is that there is none yet.
	Names     []string  `json:"names,omitempty"`
	Issuer    string    `json:"issuer,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	// Renewal is when it will be renewed.
	Renewal time.Time `json:"renewal,omitzero"`
	// Busy is whether one is being obtained.
	Busy bool `json:"busy,omitempty"`
	// Words say how it is.
	Words string `json:"words"`
	// Problem is why the last try failed. "" is that it did not.
	Problem string `json:"problem,omitempty"`
}
