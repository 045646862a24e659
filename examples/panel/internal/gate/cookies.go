package gate

import (
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
)

// The cookies. By https they have a prefix.
const (
	sessionCookie = "panel"
	deviceCookie  = "panel-device"
	prefix        = "__Host-"

	// deviceLasts is how long a browser is known, in seconds.
	deviceLasts = int(180 * 24 * time.Hour / time.Second)
)

func (g *Gate) name(cookie string) string {
	if g.TLS {
		return prefix + cookie
	}
	return cookie
}

// cookie is the value of a cookie, or an empty secret.
func (g *Gate) cookie(r *http.Request, name string) daemon.Secret {
	c, err := r.Cookie(g.name(name))
	if err != nil {
		return daemon.Secret{}
	}
	return daemon.NewSecret(c.Value)
}

func (g *Gate) set(w http.ResponseWriter, name, value string, age int, site http.SameSite) {
	http.SetCookie(w, &http.Cookie{
		Name: g.name(name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: g.TLS, SameSite: site,
	})
}

// begin sets the cookies of a session.
func (g *Gate) begin(w http.ResponseWriter, s account.Session) {
	g.set(w, sessionCookie, s.Token.Reveal(), 0, http.SameSiteLaxMode)
	g.set(w, deviceCookie, s.Device.Reveal(), deviceLasts, http.SameSiteStrictMode)
}

func (g *Gate) end(w http.ResponseWriter) {
	g.set(w, sessionCookie, "", -1, http.SameSiteLaxMode)
}
