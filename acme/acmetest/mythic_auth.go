package acmetest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// mythicToken is good for one key, from one address.
type mythicToken struct {
	key   MythicKey
	from  netip.Addr
	until time.Time
}

func (m *Mythic) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/login", m.serveLogin)
	mux.HandleFunc("/dns/v2/", m.serveV2)
	mux.HandleFunc("/{$}", m.serveV1)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { mythicPage(w, http.StatusNotFound) })
	return m.faulty(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if m.opts.Delay == 0 {
			m.publish(true)
		}
	}))
}

// mythicPage is what the web server itself says.
func mythicPage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	w.WriteHeader(status)
	text := http.StatusText(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>%d %s</title>\n</head><body>\n<h1>%s</h1>\n</body></html>\n", status, text, text)
}

// mythicJSON is an answer of the API, one line for success, indented for errors.
func mythicJSON(w http.ResponseWriter, status int, v any) {
	body, _ := json.Marshal(v)
	if status >= 400 {
		body, _ = json.MarshalIndent(v, "", "  ")
	}
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusBadRequest {
		w.Header().Set("Connection", "close") // as the real one does
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// mythicRefusal is what the API says about a request that it cannot carry out.
type mythicRefusal string

func (r mythicRefusal) Error() string { return string(r) }

func mythicRefuse(format string, args ...any) error {
	return mythicRefusal(fmt.Sprintf(format, args...))
}

func mythicDenied(w http.ResponseWriter, status int) {
	mythicJSON(w, status, map[string]string{"error": "Access denied"})
}

// serveLogin gives out tokens (RFC 6749 section 4.4).
func (m *Mythic) serveLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		mythicPage(w, http.StatusMethodNotAllowed)
		return
	}
	if r.FormValue("grant_type") != "client_credentials" {
		mythicJSON(w, http.StatusBadRequest, map[string]string{"error": "unsupported_grant_type"})
		return
	}
	id, secret, _ := r.BasicAuth()
	key, ok := m.key(id, secret)
	if !ok {
		mythicJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "Invalid credentials"})
		return
	}
	text := rand.Text()[:16]
	m.mu.Lock()
	m.logins++
	m.tokens[text] = mythicToken{key: key, from: mythicSource(r), until: m.now().Add(m.opts.TokenLife)}
	m.mu.Unlock()
	mythicJSON(w, http.StatusOK, map[string]any{
		"access_token": text, "expires_in": int(m.opts.TokenLife / time.Second), "token_type": "bearer",
	})
}

// now is the clock that tokens end by. The mutex is held.
func (m *Mythic) now() time.Time { return time.Now().Add(m.ahead) }

func (m *Mythic) key(id, secret string) (MythicKey, bool) {
	for _, k := range m.opts.Keys {
		if k.ID == id && k.Secret == secret {
			return k, true
		}
	}
	return MythicKey{}, false
}

func mythicSource(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr)
	return from.Addr().Unmap()
}

// authorized is the key of a request.
func (m *Mythic) authorized(r *http.Request) (MythicKey, bool) {
	if id, secret, ok := r.BasicAuth(); ok {
		return m.key(id, secret)
	}
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return MythicKey{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[text]
	if !ok || t.from != mythicSource(r) || !m.now().Before(t.until) {
		return MythicKey{}, false
	}
	return t.key, true
}

func (k MythicKey) zone(zone string) bool {
	return len(k.Zones) == 0 || slices.ContainsFunc(k.Zones, func(z string) bool { return mythicName(z) == zone })
}

// records reports whether the key may use a path with this host and type.
func (k MythicKey) records(host, typ string) bool {
	hostOK := len(k.Hosts) == 0 || host != "" && slices.ContainsFunc(k.Hosts, func(pattern string) bool {
		ok, err := path.Match(pattern, host)
		return ok && err == nil
	})
	return hostOK && (len(k.Types) == 0 || slices.Contains(k.Types, typ))
}
