package dnssec

import (
	"errors"
	"fmt"
)

// KeyUse is what a key does in a zone. The steps of a rollover are changes of these.
type KeyUse struct {
	Key *Key
	// Publish puts the DNSKEY into the zone.
	Publish bool
	// SignKeys signs the DNSKEY, CDS and CDNSKEY records, SignZone all others.
	SignKeys, SignZone bool
}

// KSK is a published key that signs the keys.
func KSK(k *Key) KeyUse { return KeyUse{Key: k, Publish: true, SignKeys: true} }

// ZSK is a published key that signs all but the keys.
func ZSK(k *Key) KeyUse { return KeyUse{Key: k, Publish: true, SignZone: true} }

// CSK is a published key that signs all.
func CSK(k *Key) KeyUse { return KeyUse{Key: k, Publish: true, SignKeys: true, SignZone: true} }

// signingKey is a key with what is asked of it for every signature.
type signingKey struct {
	*Key
	tag     uint16
	trusted trust
}

// trust is whether old signatures with a key's tag were made by it.
type trust uint8

const (
	untried trust = iota
	proved
	refuted
)

// keySet is the keys of one run.
type keySet struct {
	published      []*Key
	forKeys, other []*signingKey
}

// newKeySet refuses keys of another zone, equal tags, and an algorithm that is
// published and does not sign all (RFC 4035, section 2.2).
func newKeySet(zone Name, uses []KeyUse) (*keySet, error) {
	fail := func(err error) (*keySet, error) { return nil, fmt.Errorf("dnssec: sign %q: %w", zone, err) }
	set := &keySet{}
	var all []*Key
	keys, others := map[Algorithm]bool{}, map[Algorithm]bool{}
	for _, u := range uses {
		if u.Key == nil {
			return fail(errors.New("a key is nil"))
		}
		if u.Key.zone != zone {
			return fail(fmt.Errorf("%v is a key of another zone", u.Key))
		}
		all = append(all, u.Key)
		k := &signingKey{Key: u.Key, tag: u.Key.Tag()}
		if u.Publish {
			set.published = append(set.published, u.Key)
		}
		if u.SignKeys {
			set.forKeys = append(set.forKeys, k)
			keys[k.alg] = true
		}
		if u.SignZone {
			set.other = append(set.other, k)
			others[k.alg] = true
		}
	}
	if err := CheckTags(all); err != nil {
		return fail(err)
	}
	if len(set.published) == 0 || len(set.forKeys) == 0 || len(set.other) == 0 {
		return fail(errors.New("no key is published, or none signs the keys or the zone"))
	}
	for _, k := range set.published {
		if !keys[k.alg] || !others[k.alg] {
			return fail(fmt.Errorf("%v is published, and no key of its algorithm signs both the keys and the zone", k))
		}
	}
	return set, nil
}
