package gate

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

// Gate lets requests in.
type Gate struct {
	Store *account.Store
	// TLS is whether browsers come by https: cookies are Secure then, with the prefix
	// __Host-.
	TLS bool
}

// policy is the strictest content security policy that pages of one site can have. A
// handler may set another.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Handler sets the headers of every answer, refuses what another site's page sends, and
// finds out who a request comes from: see [From]. The request's context ends with the
// session, so after a logout or a change of password there is nothing to do but redirect.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return g.headers(new(http.CrossOriginProtection).Handler(g.identify(next)))
}

func (g *Gate) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if g.TLS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// identify puts who a request comes from into its context.
func (g *Gate) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := g.Store.Session(r.Context(), g.cookie(r, sessionCookie), Addr(r))
		if err != nil {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := g.Store.Until(r.Context(), who)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, key{}, who)))
	})
}

type key struct{}

// From is who a request comes from, as [Gate.Handler] found out. false is nobody.
func From(ctx context.Context) (account.Identity, bool) {
	who, ok := ctx.Value(key{}).(account.Identity)
	return who, ok
}

// Addr is where a request comes from: the other end of its connection. What headers say
// about that anybody can write.
func Addr(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // none is the zero address
	return at.Addr().Unmap()
}

// Need answers with a redirect to the page login, which gets the path in next, or with 401
// where it is no GET of a page, unless the request comes from somebody.
func (g *Gate) Need(login string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, ok := From(r.Context()); {
		case ok:
			next.ServeHTTP(w, r)
		case r.Method == http.MethodGet && r.Header.Get("Accept") != "text/event-stream":
			to := url.URL{Path: login, RawQuery: url.Values{"next": {r.URL.RequestURI()}}.Encode()}
			http.Redirect(w, r, to.String(), http.StatusSeeOther)
		default:
			http.Error(w, "log in first", http.StatusUnauthorized)
		}
	})
}
