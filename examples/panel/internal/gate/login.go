package gate

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

// Login logs in by password and sets the cookies. Errors are those of
// [account.Store.Login].
func (g *Gate) Login(w http.ResponseWriter, r *http.Request, name string, password daemon.Secret) (account.Session, error) {
	made, err := g.Store.Login(r.Context(), account.Attempt{
		Name: name, Password: password, Addr: Addr(r), Device: g.cookie(r, deviceCookie),
	})
	return made, g.replace(w, r, made, err)
}

// replace gives a browser its new session, and ends the one that it had.
func (g *Gate) replace(w http.ResponseWriter, r *http.Request, made account.Session, err error) error {
	if err != nil {
		return err
	}
	g.begin(w, made)
	if old, ok := From(r.Context()); ok {
		return g.Store.Logout(r.Context(), old)
	}
	return nil
}

// BeginPasskeyLogin begins a login by passkey. Answer with the ceremony as JSON.
func (g *Gate) BeginPasskeyLogin(r *http.Request) (account.Ceremony, error) {
	return g.Store.BeginPasskeyLogin(r.Context(), Addr(r))
}

// PasskeyLogin reads {"id": ..., "response": ...} and logs in by passkey. Errors are those
// of [account.Store.PasskeyLogin].
func (g *Gate) PasskeyLogin(w http.ResponseWriter, r *http.Request) (account.Session, error) {
	a, err := readAnswer(w, r)
	if err != nil {
		return account.Session{}, err
	}
	made, err := g.Store.PasskeyLogin(r.Context(), a.ID, a.Response, Addr(r))
	return made, g.replace(w, r, made, err)
}

// BeginPasskey begins the registration of a passkey of who is logged in.
func (g *Gate) BeginPasskey(r *http.Request) (account.Ceremony, error) {
	who, err := needed(r)
	if err != nil {
		return account.Ceremony{}, err
	}
	return g.Store.BeginPasskey(r.Context(), who)
}

// AddPasskey reads {"id": ..., "label": ..., "response": ...} and ends the registration.
func (g *Gate) AddPasskey(r *http.Request) (account.Passkey, error) {
	who, err := needed(r)
	if err != nil {
		return account.Passkey{}, err
	}
	a, err := readAnswer(nil, r)
	if err != nil {
		return account.Passkey{}, err
	}
	return g.Store.AddPasskey(r.Context(), who, a.ID, a.Label, a.Response)
}

// ChangePassword changes the password of who is logged in and sets the new cookies.
func (g *Gate) ChangePassword(w http.ResponseWriter, r *http.Request, old, password daemon.Secret) error {
	who, err := needed(r)
	if err != nil {
		return err
	}
	made, err := g.Store.ChangePassword(r.Context(), who, old, password)
	if err != nil {
		return err
	}
	g.begin(w, made)
	return nil
}

// Logout ends the session, if there is one, and clears the cookie.
func (g *Gate) Logout(w http.ResponseWriter, r *http.Request) error {
	g.end(w)
	who, err := needed(r)
	if err != nil {
		return nil //nolint:nilerr // nobody is logged out already
	}
	return g.Store.Logout(r.Context(), who)
}

func needed(r *http.Request) (account.Identity, error) {
	who, ok := From(r.Context())
	if !ok {
		return who, account.ErrExpired
	}
	return who, nil
}

// answer is what a page's script sends after a ceremony.
type answer struct {
	ID       string          `json:"id"`
	Label    string          `json:"label"`
	Response json.RawMessage `json:"response"`
}

// mostAnswer is longer than what any authenticator says.
const mostAnswer = 64 << 10

func readAnswer(w http.ResponseWriter, r *http.Request) (a answer, err error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" {
		return a, fmt.Errorf("%w: the answer is application/json, not %q", account.ErrInvalid, kind)
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostAnswer))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, fmt.Errorf("%w: read the answer of the passkey: %w", account.ErrInvalid, err)
	}
	return a, nil
}
