package hook

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// maxBody is far more than a request of the longest name has.
const maxBody = 16 << 10

// HTTPReq serves lego's provider "httpreq": POST to present and cleanup, below
// whatever path the handler is mounted at. Allow says whether a user with this
// password may change the records of a name; nil refuses everybody. Names are in
// lower case and without "*.".
//
// It answers when the record is added, since the client, which waits 30 seconds,
// looks for the record itself. Serve it by TLS: the password goes out with each
// request.
func (h *Hook) HTTPReq(allow func(user, password, name string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		action := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		if action != "present" && action != "cleanup" {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		user, password, ok := r.BasicAuth()
		if !ok {
			unauthorized(w)
			return
		}
		rec, err := readMessage(w, r)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		case allow == nil || !allow(user, password, rec.Name):
			h.log().Warn("httpreq refuses", "user", clip(user), "name", rec.Name, "remote", r.RemoteAddr)
			unauthorized(w)
			return
		}
		if err := h.lego(r.Context(), action, false, rec); err != nil {
			h.log().Error("httpreq fails", "action", action, "name", rec.Name, "error", err)
			http.Error(w, "the DNS could not be changed", http.StatusBadGateway)
		}
	})
}

func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="acme", charset="UTF-8"`)
	http.Error(w, "not allowed", http.StatusUnauthorized)
}

func readMessage(w http.ResponseWriter, r *http.Request) (record, error) {
	var m struct{ FQDN, Value, Domain, Token, KeyAuth string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&m); err != nil {
		return record{}, errors.New("the body is not a JSON object of at most 16 KiB")
	}
	if m.Domain != "" {
		return fromKeyAuth(m.Domain, m.Token, m.KeyAuth)
	}
	return fromFQDN(m.FQDN, m.Value)
}

// Password lets one user in, to the names below any of the suffixes and themselves;
// none means all names. It compares in constant time and keeps only digests.
func Password(user, password string, suffixes ...string) func(user, password, name string) bool {
	wantUser, wantPassword := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
	return func(user, password, name string) bool {
		gotUser, gotPassword := sha256.Sum256([]byte(user)), sha256.Sum256([]byte(password))
		same := subtle.ConstantTimeCompare(gotUser[:], wantUser[:]) & subtle.ConstantTimeCompare(gotPassword[:], wantPassword[:])
		return same == 1 && below(name, suffixes)
	}
}

func below(name string, suffixes []string) bool {
	for _, s := range suffixes {
		if suffix := lower(strings.Trim(s, ".")); name == suffix || strings.HasSuffix(name, "."+suffix) {
			return true
		}
	}
	return len(suffixes) == 0
}
