package audit

import (
	"net/netip"
	"time"
)

// Means is what somebody proved to be themselves with.
type Means string

// The means.
const (
	// Password and Passkey are those of a login.
	Password Means = "password"
	Passkey  Means = "passkey"
	// Session is a browser's after the login, Token a program's.
	Session Means = "session"
	Token   Means = "token"
	// System is the panel itself.
	System Means = "system"
)

// Actor is who did something, from where, and by what.
type Actor struct {
	// Name is the account's. "" is nobody that is known.
	Name string `json:"who,omitempty"`
	By   Means  `json:"by,omitempty"`
	// ID is the public name of the session or token.
	ID   string     `json:"id,omitempty"`
	From netip.Addr `json:"from,omitzero"`
}

// Outcome is what became of an action.
type Outcome string

// The outcomes.
const (
	// Allowed is an action that has begun. It stays so if the panel died meanwhile.
	Allowed Outcome = "allowed"
	Done    Outcome = "done"
	Failed  Outcome = "failed"
	// Denied is one that never began.
	Denied Outcome = "denied"
)

// Entry is one action.
type Entry struct {
	// Number counts the lines of the log, from 1. At is in UTC. Both are the log's.
	Number uint64    `json:"n"`
	At     time.Time `json:"at"`
	Actor
	// Action is what was done, as "pi.power".
	Action string `json:"action"`
	// Kind and Thing are what it was done to, and Owner is whose that was then.
	Kind  string `json:"kind,omitempty"`
	Thing string `json:"thing,omitempty"`
	Owner string `json:"owner,omitempty"`
	// Detail says how, as "off". Why is the reason that the person gave.
	Detail string `json:"detail,omitempty"`
	Why    string `json:"why,omitempty"`
	// Outcome is what became of it, and Problem why it failed.
	Outcome Outcome `json:"outcome"`
	Problem string  `json:"problem,omitempty"`
	// Ended is when it was done or failed.
	Ended time.Time `json:"ended,omitzero"`
}
