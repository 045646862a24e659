package web_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

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
	r := newRig(t)
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
