package account

import (
	"net/netip"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Identity is who a request comes from, as a session or token proved.
type Identity struct {
	Name string
	Role Role
	// By is [audit.Session] or [audit.Token], and ID its public name.
	By audit.Means
	ID string
	// From is where the request came from.
	From netip.Addr
	// Write is whether it may change anything. Sessions may.
	Write bool
	// Expires is when it ends at the latest.
	Expires time.Time
}

// Viewer is the identity for the model.
func (i Identity) Viewer() model.Viewer {
	return model.Viewer{Name: i.Name, Operator: i.Role == Operator}
}

// Actor is the identity for the audit log.
func (i Identity) Actor() audit.Actor {
	return audit.Actor{Name: i.Name, By: i.By, ID: i.ID, From: i.From}
}

// Person is somebody with an account, as pages show them: without secrets.
type Person struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Password is whether there is one, and Changed since when.
	Password bool      `json:"password"`
	Changed  time.Time `json:"password_changed,omitzero"`
	Created  time.Time `json:"created"`
	Passkeys []Passkey `json:"passkeys,omitempty"`
}

// Passkey is a key of a person's authenticator.
type Passkey struct {
	// ID is its public name here.
	ID string `json:"id"`
	// Label is what the person calls it.
	Label   string    `json:"label"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
	// Cloned is whether it is blocked, because its counter went back.
	Cloned bool `json:"cloned,omitempty"`
	// Synced is whether the authenticator keeps copies elsewhere.
	Synced bool `json:"synced,omitempty"`
}

// Session is a browser that is logged in.
type Session struct {
	// Token is what the browser must show. It is known at the login alone; only its hash
	// is kept.
	Token daemon.Secret `json:"-"`
	// Device is what the browser shows at its next login, so that tries of strangers do
	// not slow it down. It is known at the login alone.
	Device daemon.Secret `json:"-"`
	// ID is its public name.
	ID   string `json:"id"`
	Name string `json:"name"`
	// By is [audit.Password] or [audit.Passkey].
	By      audit.Means `json:"by"`
	From    netip.Addr  `json:"from"`
	Created time.Time   `json:"created"`
	Used    time.Time   `json:"used"`
	// Expires is when it ends at the latest, used or not.
	Expires time.Time `json:"expires"`
}

// Scope is what a token may do.
type Scope string

// The scopes. Write has Read in it.
const (
	Read  Scope = "read"
	Write Scope = "write"
)

// Token is a person's token for a program.
type Token struct {
	// Secret is the token itself. It is known when it is made alone.
	Secret daemon.Secret `json:"-"`
	// ID is its public name, which is part of it.
	ID      string    `json:"id"`
	Label   string    `json:"label"`
	Scope   Scope     `json:"scope"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Used    time.Time `json:"used,omitzero"`
}
