package gate

import (
	"context"
	"errors"
	"net/http"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

// Gate lets requests in.
type Gate struct {
	Store *account.Store
	// TLS is whether browsers come by https: cookies are Secure then, with the prefix
	// __Host-.
	TLS bool
}

// Handler sets the headers of every answer, refuses what another site's page sends, and
// finds out who a request comes from: see [From]. The request's context ends with the
// session.
func (g *Gate) Handler(next http.Handler) http.Handler { return next }

// Need answers with a redirect to the page login (or 401 where it is no GET) unless the
// request comes from somebody.
func (g *Gate) Need(login string, next http.Handler) http.Handler { return next }

// From is who a request comes from, as [Gate.Handler] found out. false is nobody.
func From(ctx context.Context) (account.Identity, bool) { return account.Identity{}, false }

// Login logs in by password and sets the cookies. Errors are those of [account.Store.Login].
func (g *Gate) Login(w http.ResponseWriter, r *http.Request, name string, password daemon.Secret) (account.Session, error) {
	return account.Session{}, errors.ErrUnsupported
}

// BeginPasskeyLogin begins a login by passkey. Answer with the ceremony as JSON.
func (g *Gate) BeginPasskeyLogin(r *http.Request) (account.Ceremony, error) {
	return account.Ceremony{}, errors.ErrUnsupported
}

// PasskeyLogin reads {"id": ..., "response": ...} and logs in by passkey.
func (g *Gate) PasskeyLogin(w http.ResponseWriter, r *http.Request) (account.Session, error) {
	return account.Session{}, errors.ErrUnsupported
}

// BeginPasskey begins the registration of a passkey of who is logged in.
func (g *Gate) BeginPasskey(r *http.Request) (account.Ceremony, error) {
	return account.Ceremony{}, errors.ErrUnsupported
}

// AddPasskey reads {"id": ..., "label": ..., "response": ...} and ends the registration.
func (g *Gate) AddPasskey(r *http.Request) (account.Passkey, error) {
	return account.Passkey{}, errors.ErrUnsupported
}

// ChangePassword changes the password of who is logged in and sets the new cookies.
func (g *Gate) ChangePassword(w http.ResponseWriter, r *http.Request, old, password daemon.Secret) error {
	return errors.ErrUnsupported
}

// Logout ends the session and clears the cookie.
func (g *Gate) Logout(w http.ResponseWriter, r *http.Request) error { return errors.ErrUnsupported }
