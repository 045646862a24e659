package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

func (s *Site) accountRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /login/passkey", s.noScript)
	mux.HandleFunc("POST /login/passkey/begin", s.beginPasskeyLogin)
	mux.HandleFunc("POST /login/passkey/finish", s.passkeyLogin)
	mux.HandleFunc("POST /logout", s.logout)
	mux.Handle("GET /account", s.show((*visit).accountPage))
	mux.Handle("POST /account/password", s.act((*visit).changePassword))
	mux.Handle("POST /account/sessions/{id}/revoke", s.act((*visit).revokeSession))
	mux.Handle("POST /account/sessions/revoke", s.act((*visit).revokeSessions))
	mux.Handle("POST /account/tokens", s.act((*visit).newToken))
	mux.Handle("POST /account/tokens/{id}/revoke", s.act((*visit).revokeToken))
	mux.Handle("POST /account/passkeys", s.act(func(*visit, context.Context) error { return errScript }))
	mux.Handle("POST /account/passkeys/begin", s.act((*visit).beginPasskey))
	mux.Handle("POST /account/passkeys/finish", s.act((*visit).addPasskey))
	mux.Handle("POST /account/passkeys/{id}/remove", s.act((*visit).removePasskey))
}

const errScript = input("Passkeys need JavaScript: a browser offers no other way to them.")

// loginForm is what the login page shows.
type loginForm struct{ Name, Next string }

func (s *Site) loginPage(w http.ResponseWriter, r *http.Request) {
	p := s.visit(w, r)
	if p.who.Name != "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p.loginForm(http.StatusOK, "")
}

func (p *visit) loginForm(status int, problem string) {
	form := loginForm{Name: p.r.FormValue("name"), Next: next(p.r.FormValue("next"))}
	p.render(status, view{Title: "Log in", Template: "login", Data: form}, problem)
}

// next is where to go after the login: a page here, or the first.
func next(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

func (s *Site) login(w http.ResponseWriter, r *http.Request) {
	p := s.visit(w, r)
	_, err := s.gate.Login(w, r, strings.TrimSpace(r.FormValue("name")), daemon.NewSecret(r.FormValue("password")))
	if err != nil {
		p.loginForm(p.explain(err))
		return
	}
	http.Redirect(w, r, next(r.FormValue("next")), http.StatusSeeOther)
}

func (s *Site) noScript(w http.ResponseWriter, r *http.Request) {
	s.visit(w, r).loginForm(http.StatusUnprocessableEntity, string(errScript))
}

// reply answers a script: with a value, or with what went wrong in words.
func (p *visit) reply(value any, err error) {
	status := http.StatusOK
	if err != nil {
		var words string
		status, words = p.explain(err)
		value = map[string]string{"problem": words}
	}
	p.w.Header().Set("Content-Type", "application/json")
	p.w.WriteHeader(status)
	_ = json.NewEncoder(p.w).Encode(value) // the reader has gone
}

func (s *Site) beginPasskeyLogin(w http.ResponseWriter, r *http.Request) {
	ceremony, err := s.gate.BeginPasskeyLogin(r)
	s.visit(w, r).reply(ceremony, err)
}

func (s *Site) passkeyLogin(w http.ResponseWriter, r *http.Request) {
	_, err := s.gate.PasskeyLogin(w, r)
	s.visit(w, r).reply(struct{}{}, err)
}

func (s *Site) logout(w http.ResponseWriter, r *http.Request) {
	if err := s.gate.Logout(w, r); err != nil {
		s.log.Warn("a session did not end as it should", "err", err)
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// accountPage is everything of one's own account.
type accountPage struct {
	Person   account.Person
	Role     account.Role
	Sessions []account.Session
	Tokens   []account.Token
	// Here is the session that looks.
	Here string
	// Secret is a token that was made just now.
	Secret string
	Label  string
}

func (p *visit) accountPage() (view, error) {
	person, err := p.site.o.Accounts.Person(p.who, p.who.Name)
	if err != nil {
		return view{}, err
	}
	return view{Title: "Account of " + person.Name, Template: "account", Data: accountPage{
		Person: person, Role: person.Role, Here: p.who.ID, Label: p.r.FormValue("label"),
		Sessions: p.site.o.Accounts.Sessions(p.who), Tokens: p.site.o.Accounts.Tokens(p.who),
	}}, nil
}

func (p *visit) changePassword(context.Context) error {
	old, fresh := p.r.FormValue("old"), p.r.FormValue("new")
	var err error
	if fresh != p.r.FormValue("again") {
		err = input("The new password was not typed twice alike.")
	} else {
		err = p.site.gate.ChangePassword(p.w, p.r, daemon.NewSecret(old), daemon.NewSecret(fresh))
	}
	if err != nil {
		return p.retry(err, (*visit).accountPage)
	}
	http.Redirect(p.w, p.r, "/account", http.StatusSeeOther)
	return nil
}

func (p *visit) revokeSession(ctx context.Context) error {
	if err := p.site.o.Accounts.RevokeSession(ctx, p.who, p.r.PathValue("id")); err != nil {
		return p.retry(err, (*visit).accountPage)
	}
	return p.done("/account", "That session is over.")
}

func (p *visit) revokeSessions(ctx context.Context) error {
	if err := p.site.o.Accounts.RevokeSessions(ctx, p.who); err != nil {
		return p.retry(err, (*visit).accountPage)
	}
	return p.done("/account", "All your other sessions are over.")
}

// newToken makes a token and shows it, this once.
func (p *visit) newToken(ctx context.Context) error {
	scope, days := account.Scope(p.r.FormValue("scope")), 90
	if _, err := fmt.Sscanf(p.r.FormValue("days"), "%d", &days); err != nil || days < 1 {
		return p.retry(input("Say for how many days the token is good."), (*visit).accountPage)
	}
	token, err := p.site.o.Accounts.NewToken(ctx, p.who, strings.TrimSpace(p.r.FormValue("label")), scope, time.Duration(days)*24*time.Hour)
	if err != nil {
		return p.retry(err, (*visit).accountPage)
	}
	v, err := p.accountPage()
	if err != nil {
		return err
	}
	page := v.Data.(accountPage)
	page.Secret, page.Label = token.Secret.Reveal(), ""
	v.Data = page
	p.render(http.StatusOK, v, "")
	return nil
}

func (p *visit) revokeToken(ctx context.Context) error {
	if err := p.site.o.Accounts.RevokeToken(ctx, p.who, p.r.PathValue("id")); err != nil {
		return p.retry(err, (*visit).accountPage)
	}
	return p.done("/account", "That token is over.")
}

func (p *visit) beginPasskey(context.Context) error {
	ceremony, err := p.site.gate.BeginPasskey(p.r)
	p.reply(ceremony, err)
	return nil
}

func (p *visit) addPasskey(context.Context) error {
	key, err := p.site.gate.AddPasskey(p.r)
	if err == nil {
		p.site.flashes.add(p.who.ID, "The passkey “"+printable(key.Label)+"” is added.")
	}
	p.reply(struct{}{}, err)
	return nil
}

func (p *visit) removePasskey(ctx context.Context) error {
	if err := p.site.o.Accounts.RemovePasskey(ctx, p.who, p.r.PathValue("id")); err != nil {
		return p.retry(err, (*visit).accountPage)
	}
	return p.done("/account", "That passkey is removed.")
}
