package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
)

// state is what the file has. One that others can see is not changed any more.
type state struct {
	Version int `json:"version"`
	// People by name, Sessions by the hash of their tokens, Tokens by their IDs.
	People   map[string]person  `json:"people"`
	Sessions map[string]session `json:"sessions"`
	Tokens   map[string]token   `json:"tokens"`
}

const version = 1

type person struct {
	Role     Role      `json:"role"`
	Created  time.Time `json:"created"`
	Hash     string    `json:"hash,omitempty"`
	Changed  time.Time `json:"changed,omitzero"`
	Handle   []byte    `json:"handle"`
	Passkeys []passkey `json:"passkeys,omitempty"`
	Devices  []device  `json:"devices,omitempty"`
}

type passkey struct {
	Label   string    `json:"label"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
	Credential
}

// device is a browser that has logged in.
type device struct {
	Hash string    `json:"hash"`
	Used time.Time `json:"used"`
}

type session struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"`
	By      audit.Means `json:"by"`
	From    netip.Addr  `json:"from"`
	Created time.Time   `json:"created"`
	Used    time.Time   `json:"used"`
	Expires time.Time   `json:"expires"`
}

type token struct {
	Name    string    `json:"name"`
	Label   string    `json:"label"`
	Scope   Scope     `json:"scope"`
	Hash    string    `json:"hash"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
	Expires time.Time `json:"expires"`
}

func (s *state) clone() *state {
	return &state{version, maps.Clone(s.People), maps.Clone(s.Sessions), maps.Clone(s.Tokens)}
}

// edit changes a copy of a person, whose lists others may be reading.
func (s *state) edit(name string, fn func(p *person)) {
	p := s.People[name]
	p.Passkeys, p.Devices = slices.Clone(p.Passkeys), slices.Clone(p.Devices)
	fn(&p)
	s.People[name] = p
}

// operators is how many there are.
func (s *state) operators() (n int) {
	for _, p := range s.People {
		if p.Role == Operator {
			n++
		}
	}
	return n
}

// endSessions ends those of a person for which fn is true.
func (s *state) endSessions(name string, fn func(id string) bool) {
	maps.DeleteFunc(s.Sessions, func(_ string, v session) bool { return v.Name == name && fn(v.ID) })
}

func all(string) bool { return true }

// sweep removes what is over.
func (s *state) sweep(now time.Time, idle time.Duration) {
	maps.DeleteFunc(s.Sessions, func(_ string, v session) bool { return !v.valid(now, idle) })
	maps.DeleteFunc(s.Tokens, func(_ string, v token) bool { return !now.Before(v.Expires) })
}

func (v session) valid(now time.Time, idle time.Duration) bool {
	return now.Before(v.Expires) && now.Before(v.Used.Add(idle))
}

// load reads a file. One that is not there is empty.
func load(name string) (*state, error) {
	s := &state{version, map[string]person{}, map[string]session{}, map[string]token{}}
	if name == "" {
		return s, nil
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, errors.Join(err, errors.New("others than its owner can read it: chmod 600 it, and change the passwords"))
	}
	return s, s.decode(data)
}

// decode is strict: what this version does not know it would lose.
func (s *state) decode(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return err
	}
	if s.Version != version || s.People == nil || s.Sessions == nil || s.Tokens == nil {
		return fmt.Errorf("it is of version %d, and this program reads version %d", s.Version, version)
	}
	for name, p := range s.People {
		if p.Hash != "" {
			if _, err := parseHash(p.Hash); err != nil {
				return fmt.Errorf("person %q: %w", name, err)
			}
		}
		if checkName(name) != nil || p.Role != Customer && p.Role != Operator || len(p.Handle) == 0 {
			return fmt.Errorf("person %q: the name, role or handle is none", name)
		}
	}
	return nil
}
