package account

import "encoding/json"

// Ceremonies are those of WebAuthn, as a relying party does them: package passkey does
// them by go-webauthn. Options and responses are the JSON of browsers. State is what the
// relying party has to remember between the beginning and the end; it never leaves the
// store.
type Ceremonies interface {
	// BeginCreate begins the registration of a new passkey.
	BeginCreate(p Holder) (options, state json.RawMessage, err error)
	// FinishCreate checks the browser's response.
	FinishCreate(p Holder, state, response json.RawMessage) (Credential, error)
	// BeginGet begins a login by any passkey.
	BeginGet() (options, state json.RawMessage, err error)
	// FinishGet checks the browser's response. find returns who has a handle. The
	// credential that it returns is as it is after its use, for the store to keep.
	FinishGet(state, response json.RawMessage, find func(handle []byte) (Holder, error)) (Credential, error)
}

// Holder is a person as authenticators know them.
type Holder struct {
	// Handle is random, and stays.
	Handle []byte
	Name   string
	// Credentials are those that there are.
	Credentials []Credential
}

// Credential is the public half of a passkey.
type Credential struct {
	// ID is the authenticator's name for it.
	ID []byte `json:"id"`
	// Data is all that the ceremonies need to know of it.
	Data json.RawMessage `json:"data"`
	// Cloned is whether its counter went back. Synced is whether it is backed up.
	Cloned bool `json:"cloned,omitempty"`
	Synced bool `json:"synced,omitempty"`
}
