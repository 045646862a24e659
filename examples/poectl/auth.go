package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

var (
	errUnauthorised = errors.New("not authorised")
	errNoMachine    = errors.New("no such machine")
)

// client is who may ask, and for what.
type client struct {
	name     string
	machines []string
	token    [sha256.Size]byte // of what it is, the digest: of equal length for all
	hasToken bool
	password [sha256.Size]byte
	hasPass  bool
	hmac     daemon.Secret
	signed   []string // headers
}

func (c *client) may(machine string) bool {
	return slices.Contains(c.machines, "*") || slices.Contains(c.machines, machine)
}

// authenticator knows the clients.
type authenticator struct {
	clients []*client
	window  time.Duration
	now     func() time.Time

	mu   sync.Mutex
	seen map[string]time.Time // signatures, until when a replay of them would pass for fresh
}

func newAuthenticator(c serveConfig) *authenticator {
	a := &authenticator{window: time.Duration(c.Window), now: time.Now, seen: map[string]time.Time{}}
	for _, cc := range c.Clients {
		a.clients = append(a.clients, &client{
			name: cc.Name, machines: cc.Machines,
			token: digest(cc.Token), hasToken: !cc.Token.Empty(),
			password: digest(cc.Password), hasPass: !cc.Password.Empty(),
			hmac: cc.HMAC, signed: cc.Signed,
		})
	}
	return a
}

func digest(s daemon.Secret) [sha256.Size]byte { return sha256.Sum256([]byte(s.Reveal())) }

// byHeader knows a client by "Authorization: Bearer TOKEN" or by user and
// password.
func (a *authenticator) byHeader(r *http.Request) (*client, error) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	user, pass, basic := r.BasicAuth()
	passSum := sha256.Sum256([]byte(pass))
	var found *client
	for _, c := range a.clients { // all of them, so that the time tells nothing
		bearer := strings.EqualFold(kind, "Bearer") && c.hasToken && subtle.ConstantTimeCompare(sum[:], c.token[:]) == 1
		login := basic && user == c.name && c.hasPass && subtle.ConstantTimeCompare(passSum[:], c.password[:]) == 1
		if bearer || login {
			found = c
		}
	}
	if found == nil {
		return nil, errUnauthorised
	}
	return found, nil
}

const (
	signatureHeader = "X-Bmclib-Signature" // and -256 or -512 behind it
	timestampHeader = "X-Bmclib-Timestamp"
)

// algorithms are bmclib's, by the end of the header's name.
var algorithms = []struct {
	suffix, prefix string
	hash           func() hash.Hash
}{
	{"-256", "sha256=", sha256.New},
	{"-512", "sha512=", sha512.New},
}

// bySignature knows a client by an HMAC over the body and over the headers that
// it signs. made is when the client says in the body that it asked: bmclib's
// request IDs are nanoseconds since 1970. A request that is not of now, or was
// seen before, is refused: somebody has recorded it.
func (a *authenticator) bySignature(r *http.Request, body []byte, made time.Time) (*client, error) {
	for _, alg := range algorithms {
		for _, header := range r.Header.Values(signatureHeader + alg.suffix) {
			for sig := range strings.SplitSeq(header, ",") {
				mac, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(sig), alg.prefix))
				if err != nil {
					continue
				}
				if c := a.signer(r, body, mac, alg.hash); c != nil {
					return c, a.fresh(c, r, made, alg.suffix+hex.EncodeToString(mac))
				}
			}
		}
	}
	return nil, errUnauthorised
}

// signer is whose key made a MAC.
func (a *authenticator) signer(r *http.Request, body, mac []byte, h func() hash.Hash) *client {
	var found *client
	for _, c := range a.clients {
		if c.hmac.Empty() {
			continue
		}
		m := hmac.New(h, []byte(c.hmac.Reveal()))
		m.Write(body)
		for _, name := range c.signed {
			m.Write([]byte(strings.Join(r.Header.Values(name), "")))
		}
		if hmac.Equal(m.Sum(nil), mac) {
			found = c
		}
	}
	return found
}

// fresh refuses what is old, of the future, or a repetition.
func (a *authenticator) fresh(c *client, r *http.Request, made time.Time, sig string) error {
	for _, name := range c.signed {
		if http.CanonicalHeaderKey(name) != timestampHeader {
			continue
		}
		at, err := time.Parse(time.RFC3339, r.Header.Get(name))
		if err != nil {
			return fmt.Errorf("%w: %s is no time", errUnauthorised, name)
		}
		made = at
	}
	now := a.now()
	if age := now.Sub(made); age > a.window || age < -a.window {
		return fmt.Errorf("%w: the request is not of now, or the clocks differ by more than %v", errUnauthorised, a.window)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for old, until := range a.seen {
		if now.After(until) {
			delete(a.seen, old)
		}
	}
	if _, again := a.seen[sig]; again {
		return fmt.Errorf("%w: the request was made before", errUnauthorised)
	}
	a.seen[sig] = now.Add(2 * a.window)
	return nil
}

// machine is what a client means by a name; of another's machine it is told no
// more than of one that is not there.
func (s *service) machine(who *client, name string) (target, error) {
	t, err := s.rack.target(name)
	if err != nil || t.machine != name || !who.may(name) {
		return target{}, fmt.Errorf("%q: %w", name, errNoMachine)
	}
	return t, nil
}
