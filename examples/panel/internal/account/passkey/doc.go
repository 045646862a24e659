// Package passkey does the ceremonies of WebAuthn for package account, by go-webauthn.
//
//	party, err := passkey.New(passkey.Options{ID: "panel.example.net", Origins: []string{"https://panel.example.net"}})
//	store, err := account.Open(account.Options{Passkeys: party})
//
// Passkeys are discoverable: the browser knows whose they are, so that a login begins
// without a name, and tells no stranger whether somebody has an account. User verification
// is required: a passkey is what somebody has, and a PIN, finger or face. Attestation is
// not asked for. A response is taken from the configured origins alone, and never from a
// page in a frame of another site.
package passkey
