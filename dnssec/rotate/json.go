package rotate

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// version is that of the JSON of a state. It changes when an old program would
// misunderstand a new state.
const version = 1

// wireState is a state as JSON, without its methods.
type wireState State

// MarshalJSON writes the state with its version.
func (s State) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Version int `json:"version"`
		wireState
	}{version, wireState(s)})
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else: an unknown field,
// another version and what no step can have left are errors.
func (s *State) UnmarshalJSON(data []byte) error {
	var got struct {
		Version int `json:"version"`
		wireState
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		return fmt.Errorf("rotate: %w: %w", ErrState, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("rotate: %w: something follows it", ErrState)
	}
	if got.Version != version {
		return fmt.Errorf("rotate: %w: version %d is not %d, which this program knows", ErrState, got.Version, version)
	}
	state := State(got.wireState)
	if err := state.check(); err != nil {
		return err
	}
	*s = state
	return nil
}

// check returns an error if no step can have left the state.
func (s *State) check() error {
	damaged := func(err error) error { return fmt.Errorf("rotate: %w: %w", ErrState, err) }
	ids := map[string]bool{}
	var tags []uint16
	admit := func(id string, tag uint16) error {
		if ids[id] {
			return fmt.Errorf("two keys are %q", id)
		}
		if slices.ContainsFunc(tags, func(other uint16) bool { return Collides(tag, other) }) {
			return fmt.Errorf("the tag %d of key %q collides with another", tag, id)
		}
		ids[id], tags = true, append(tags, tag)
		return nil
	}
	for i := range s.Keys {
		k := &s.Keys[i]
		if err := errors.Join(k.check(), admit(k.ID, k.Tag)); err != nil {
			return damaged(err)
		}
	}
	for _, r := range s.Pending {
		if err := r.check(s.Requests); err != nil {
			return damaged(err)
		}
		if r.Key != nil {
			if err := admit(r.Key.ID, r.Key.Tag); err != nil {
				return damaged(err)
			}
		}
	}
	for _, role := range s.Rolls {
		if role < KSK || role > CSK {
			return damaged(fmt.Errorf("%d is no role", role))
		}
	}
	for _, e := range slices.Concat(s.TTLs.DNSKEY, s.TTLs.Negative, s.TTLs.Zone, s.TTLs.DS) {
		if e.TTL < 0 || e.TTL > maxTTL*time.Second {
			return damaged(fmt.Errorf("%v is no TTL", e.TTL))
		}
	}
	return nil
}

func (r Request) check(requests uint64) error {
	switch {
	case r.Role < KSK || r.Role > CSK:
		return fmt.Errorf("request %d: %d is no role", r.Number, r.Role)
	case r.Use != Active && r.Use != Standby:
		return fmt.Errorf("request %d: nobody asks for a key that is %v", r.Number, r.Use)
	case r.Number == 0 || r.Number > requests:
		return fmt.Errorf("request %d of %d", r.Number, requests)
	case r.Key != nil:
		return checkKey(r.Key.ID, r.Role, r.Algorithm, r.Key.Tag, r.Key.Digests)
	}
	return nil
}

func (k *Key) check() error {
	if err := checkKey(k.ID, k.Role, k.Algorithm, k.Tag, k.Digests); err != nil {
		return err
	}
	if k.Use < Active || k.Use > Retired {
		return fmt.Errorf("key %q: %d is no use", k.ID, k.Use)
	}
	for kind := DNSKEY; kind <= DSRecord; kind++ {
		rec := k.Record(kind)
		switch certain := rec.State == Hidden || rec.State == Omnipresent; {
		case rec.State > Unretentive:
			return fmt.Errorf("key %q: %d is no record state", k.ID, rec.State)
		case rec.State != Hidden && !slices.Contains(k.Role.kinds(), kind):
			return fmt.Errorf("key %q is a %v and has a %v", k.ID, k.Role, kind)
		case certain && !(rec.Seen.IsZero() && rec.Until.IsZero()), rec.Seen.IsZero() && !rec.Until.IsZero():
			return fmt.Errorf("key %q: its %v waits for nothing until %v", k.ID, kind, rec.Until)
		}
	}
	return nil
}

// checkKey checks what is known of a key from its beginning.
func checkKey(id string, role Role, algorithm uint8, tag uint16, digests []DS) error {
	switch {
	case id == "":
		return errors.New("a key has no ID")
	case role < KSK || role > CSK:
		return fmt.Errorf("key %q: %d is no role", id, role)
	case role.signsKeys() && len(digests) == 0:
		return fmt.Errorf("key %q is a %v and has no DS", id, role)
	case !role.signsKeys() && len(digests) > 0:
		return fmt.Errorf("key %q is a %v and has a DS", id, role)
	}
	for _, d := range digests {
		size := map[uint8]int{2: 32, 4: 48}[d.DigestType]
		raw, err := hex.DecodeString(d.Digest)
		switch {
		case d.Tag != tag || d.Algorithm != algorithm:
			return fmt.Errorf("key %q has tag %d and algorithm %d, and its DS says %d and %d", id, tag, algorithm, d.Tag, d.Algorithm)
		case size == 0:
			return fmt.Errorf("key %q: digest type %d is not 2 (SHA-256) or 4 (SHA-384)", id, d.DigestType)
		case err != nil || len(raw) != size || d.Digest != strings.ToLower(d.Digest):
			return fmt.Errorf("key %q: %q is no digest of type %d in lower-case hexadecimal", id, d.Digest, d.DigestType)
		}
	}
	return nil
}
