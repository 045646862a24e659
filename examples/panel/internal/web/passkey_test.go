package web_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/web"
)

// ceremonies are those of WebAuthn as far as a page sees them: options as they are for
// browsers, and responses as browsers send them. It checks no signature.
type ceremonies struct{}

var _ account.Ceremonies = ceremonies{}

var base64url = base64.RawURLEncoding

// begin makes options around a new challenge, which is the state.
func begin(more map[string]any) (options, state json.RawMessage, err error) {
	challenge := base64url.EncodeToString([]byte(rand.Text()))
	more["challenge"], more["rpId"], more["userVerification"] = challenge, "localhost", "required"
	options, err = json.Marshal(map[string]any{"publicKey": more})
	if err != nil {
		return nil, nil, err
	}
	state, err = json.Marshal(challenge)
	return options, state, err
}

func (ceremonies) BeginCreate(p account.Holder) (options, state json.RawMessage, err error) {
	return begin(map[string]any{
		"rp":                     map[string]string{"id": "localhost", "name": "panel"},
		"user":                   map[string]string{"id": base64url.EncodeToString(p.Handle), "name": p.Name, "displayName": p.Name},
		"pubKeyCredParams":       []map[string]any{{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -257}},
		"authenticatorSelection": map[string]string{"residentKey": "required", "userVerification": "required"},
	})
}

func (ceremonies) BeginGet() (options, state json.RawMessage, err error) {
	return begin(map[string]any{})
}

// answer is what a browser says.
type answer struct {
	ID, RawID, Type        string
	ClientExtensionResults map[string]any
	Response               struct{ ClientDataJSON, AttestationObject, AuthenticatorData, Signature, UserHandle string }
}

// read checks what every answer must have.
func read(kind string, state, response json.RawMessage) (a answer, id []byte, err error) {
	var challenge string
	var said struct{ Type, Challenge, Origin string }
	if err := errors.Join(json.Unmarshal(state, &challenge), json.Unmarshal(response, &a)); err != nil {
		return a, nil, err
	}
	data, err := base64url.DecodeString(a.Response.ClientDataJSON)
	if err != nil {
		return a, nil, err
	}
	if err := json.Unmarshal(data, &said); err != nil {
		return a, nil, err
	}
	if said.Type != kind || said.Challenge != challenge || a.Type != "public-key" || a.ID != a.RawID || a.ClientExtensionResults == nil {
		return a, nil, fmt.Errorf("not an answer: %+v, %+v", said, a)
	}
	id, err = base64url.DecodeString(a.RawID)
	return a, id, err
}

func (ceremonies) FinishCreate(_ account.Holder, state, response json.RawMessage) (account.Credential, error) {
	a, id, err := read("webauthn.create", state, response)
	if err == nil && a.Response.AttestationObject == "" {
		err = errors.New("no attestation")
	}
	return account.Credential{ID: id, Data: json.RawMessage("{}")}, err
}

func (ceremonies) FinishGet(state, response json.RawMessage, find func(handle []byte) (account.Holder, error)) (account.Credential, error) {
	a, id, err := read("webauthn.get", state, response)
	if err == nil && (a.Response.Signature == "" || a.Response.AuthenticatorData == "") {
		err = errors.New("no signature")
	}
	if err != nil {
		return account.Credential{}, err
	}
	handle, err := base64url.DecodeString(a.Response.UserHandle)
	if err != nil {
		return account.Credential{}, err
	}
	who, err := find(handle)
	if err != nil {
		return account.Credential{}, err
	}
	for _, c := range who.Credentials {
		if string(c.ID) == string(id) {
			return c, nil
		}
	}
	return account.Credential{}, errors.New("another's")
}

// authenticator gives the browser one, which says yes.
func (b *tab) authenticator() webauthn.AuthenticatorID {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
	require.NoError(b.t, err)
	made, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	require.NoError(b.t, err)
	return made.AuthenticatorID
}

// A person registers a passkey, logs in by it, and removes it; then it opens nothing.
func TestRealPasskey(t *testing.T) {
	r := newRig(t, func(_ *web.Options, a *account.Options) { a.Passkeys = ceremonies{} })
	b := r.browse(t, 360, "alice")
	b.authenticator()
	b.open("/account")
	b.do(chromedp.SendKeys(chromedp.CSS("#passkey-label"), "my telephone"))
	b.press("Add a passkey")
	b.await("the passkey", `document.querySelector('.note[role=status]')?.textContent.includes('my telephone')`)
	b.press("Log out")
	b.await("the login", `location.pathname == '/login'`)
	b.open("/sites")
	b.await("the login", `location.pathname == '/login'`)
	b.press("Log in with a passkey")
	b.await("the page that was wanted", `location.pathname == '/sites'`)
	b.open("/account")
	b.press("Remove the passkey my telephone")
	b.await("it to be gone", `document.querySelector('.note[role=status]')?.textContent.includes('removed')`)
	b.quiet()
	b.press("Log out")
	b.await("the login", `location.pathname == '/login'`)
	b.press("Log in with a passkey")
	b.await("to be told", `!document.querySelector('[data-passkey-problem]').hidden && document.querySelector('[data-passkey-problem]').textContent.length > 10`)
	require.Equal(t, "/login", evaluate[string](b, `location.pathname`))
}
