package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"path"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon"
)

var errNotYours = errors.New("no such console, or not yours")

// user is who may use some consoles.
type user struct {
	name     string
	keys     [][]byte // in SSH's wire format
	token    [sha256.Size]byte
	hasToken bool
	consoles []string // patterns
	readOnly bool
	power    bool
	admin    bool
}

// may reports whether the user may watch the console.
func (u *user) may(console string) bool {
	for _, p := range u.consoles {
		if ok, err := path.Match(p, console); ok && err == nil {
			return true
		}
	}
	return false
}

func (u *user) mode() serialcon.Mode {
	if u.readOnly {
		return serialcon.ReadOnly
	}
	return serialcon.ReadWrite
}

// directory is all users, of which a reload puts others in place.
type directory struct{ users atomic.Pointer[[]*user] }

func (d *directory) replace(list []userConfig) error {
	all := make([]*user, 0, len(list))
	for _, c := range list {
		u := &user{
			name: c.Name, consoles: c.Consoles, readOnly: c.ReadOnly, power: c.Power, admin: c.Admin,
			token: sha256.Sum256([]byte(c.Token.Reveal())), hasToken: !c.Token.Empty(),
		}
		for _, text := range c.Keys {
			key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
			if err != nil {
				return err
			}
			u.keys = append(u.keys, key.Marshal())
		}
		all = append(all, u)
	}
	d.users.Store(&all)
	return nil
}

// byKey returns those who have the key: a customer may be several users.
func (d *directory) byKey(key ssh.PublicKey) (found []*user) {
	wire := key.Marshal()
	for _, u := range *d.users.Load() {
		for _, k := range u.keys {
			if bytes.Equal(k, wire) {
				found = append(found, u)
				break
			}
		}
	}
	return found
}

// byName returns a user, or nil.
func (d *directory) byName(name string) *user {
	for _, u := range *d.users.Load() {
		if u.name == name {
			return u
		}
	}
	return nil
}

// byRequest knows a user by "Authorization: Bearer TOKEN", or returns nil.
func (d *directory) byRequest(r *http.Request) (found *user) {
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	for _, u := range *d.users.Load() { // all of them, so that the time tells nothing
		if strings.EqualFold(kind, "Bearer") && u.hasToken && subtle.ConstantTimeCompare(sum[:], u.token[:]) == 1 {
			found = u
		}
	}
	return found
}
