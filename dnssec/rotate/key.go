package rotate

import (
	"fmt"
	"slices"
	"time"
)

// Role is what a key is for.
type Role uint8

// The roles of RFC 7583 and RFC 6781.
const (
	KSK Role = iota + 1 // signs the DNSKEY RRset; the parent has its DS
	ZSK                 // signs all else
	CSK                 // does both
)

var roleNames = []string{KSK: "KSK", ZSK: "ZSK", CSK: "CSK"}

// String is "KSK", "ZSK" or "CSK".
func (r Role) String() string { return nameOf(roleNames, r) }

// MarshalText writes what String returns.
func (r Role) MarshalText() ([]byte, error) { return textOf(roleNames, r, "role") }

// UnmarshalText reads what MarshalText writes.
func (r *Role) UnmarshalText(text []byte) error { return parseName(roleNames, text, r, "role") }

// kinds are the records that a key of the role has.
func (r Role) kinds() []Kind {
	switch r {
	case KSK:
		return []Kind{DNSKEY, KRRSIG, DSRecord}
	case ZSK:
		return []Kind{ZRRSIG, DNSKEY}
	default:
		return []Kind{ZRRSIG, DNSKEY, KRRSIG, DSRecord}
	}
}

func (r Role) signsKeys() bool { return r == KSK || r == CSK }
func (r Role) signsZone() bool { return r == ZSK || r == CSK }

// Kind is one of the records that a key consists of.
type Kind uint8

// The records of a key.
const (
	DNSKEY   Kind = iota // the key itself
	KRRSIG               // its signature of the DNSKEY RRset
	ZRRSIG               // its signatures of all other RRsets
	DSRecord             // its DS at the parent
)

var kindNames = []string{DNSKEY: "DNSKEY", KRRSIG: "KRRSIG", ZRRSIG: "ZRRSIG", DSRecord: "DS"}

// String is "DNSKEY", "KRRSIG", "ZRRSIG" or "DS".
func (k Kind) String() string { return nameOf(kindNames, k) }

// RecordState says in which caches a record can be.
type RecordState uint8

// The states of a record, in the order in which it goes through them.
const (
	Hidden      RecordState = iota // in no cache
	Rumoured                       // published; in some caches, and not in others
	Omnipresent                    // in every cache that has the RRset
	Unretentive                    // withdrawn; in some caches, and not in others
)

var stateNames = []string{Hidden: "hidden", Rumoured: "rumoured", Omnipresent: "omnipresent", Unretentive: "unretentive"}

// String is the state's name, in lower case.
func (s RecordState) String() string { return nameOf(stateNames, s) }

// MarshalText writes what String returns.
func (s RecordState) MarshalText() ([]byte, error) { return textOf(stateNames, s, "record state") }

// UnmarshalText reads what MarshalText writes.
func (s *RecordState) UnmarshalText(text []byte) error {
	return parseName(stateNames, text, s, "record state")
}

// ordered tells whether the record is to be published: it is Rumoured or
// Omnipresent.
func (s RecordState) ordered() bool { return s == Rumoured || s == Omnipresent }

// Record is where one record of a key is.
type Record struct {
	State RecordState `json:"state"`
	// Since is when the state began.
	Since time.Time `json:"since,omitzero"`
	// Seen is since when the facts have shown that the record is everywhere
	// (Rumoured) or nowhere (Unretentive). Zero means that they do not.
	Seen time.Time `json:"seen,omitzero"`
	// Until is when caches have caught up with Seen; the state ends no
	// sooner. It never becomes shorter.
	Until time.Time `json:"until,omitzero"`
}

// Use is what is intended with a key.
type Use uint8

// What a key can be for.
const (
	Active  Use = iota + 1 // all its records are wanted
	Standby                // only its DS is wanted, so that it can take over quickly
	Retired                // none of its records is wanted
)

var useNames = []string{Active: "active", Standby: "standby", Retired: "retired"}

// String is "active", "standby" or "retired".
func (u Use) String() string { return nameOf(useNames, u) }

// MarshalText writes what String returns.
func (u Use) MarshalText() ([]byte, error) { return textOf(useNames, u, "use") }

// UnmarshalText reads what MarshalText writes.
func (u *Use) UnmarshalText(text []byte) error { return parseName(useNames, text, u, "use") }

// DS is a DS record (RFC 4034 section 5). Digest is in lower-case hexadecimal, so
// that two are the same if == says so.
type DS struct {
	Tag        uint16 `json:"tag"`
	Algorithm  uint8  `json:"algorithm"`
	DigestType uint8  `json:"digest_type"`
	Digest     string `json:"digest"`
}

// String is the record's data as in a zone file.
func (d DS) String() string {
	return fmt.Sprintf("%d %d %d %s", d.Tag, d.Algorithm, d.DigestType, d.Digest)
}

// of tells whether the DS says that it is of the key. The parent may have computed it by
// itself, with another digest type.
func (d DS) of(k *Key) bool {
	return k.Role.signsKeys() && d.Tag == k.Tag && d.Algorithm == k.Algorithm
}

// Key is one key of a zone. The private part is with whoever knows it as ID.
type Key struct {
	ID        string `json:"id"`
	Role      Role   `json:"role"`
	Algorithm uint8  `json:"algorithm"` // IANA's number, as in the DNSKEY
	Tag       uint16 `json:"tag"`       // RFC 4034 appendix B
	// Digests are the DS records of a KSK or CSK, one for each digest type.
	Digests []DS      `json:"digests,omitempty"`
	Created time.Time `json:"created"`
	Use     Use       `json:"use"`
	// Replaces are the IDs of the keys whose part it takes over.
	Replaces []string `json:"replaces,omitempty"`
	// DSFirst makes it a double-DS roll: its DS is Omnipresent before its
	// DNSKEY is published.
	DSFirst bool `json:"ds_first,omitempty"`
	// Compromised is for a key that somebody else may have.
	Compromised bool `json:"compromised,omitempty"`

	DNSKEY Record `json:"dnskey"`
	KRRSIG Record `json:"krrsig"`
	ZRRSIG Record `json:"zrrsig"`
	DS     Record `json:"ds"`
}

// Record returns the record of a kind. A kind that the key's role does not have
// is always Hidden.
func (k *Key) Record(kind Kind) *Record {
	return [...]*Record{&k.DNSKEY, &k.KRRSIG, &k.ZRRSIG, &k.DS}[kind]
}

// String names the key for people: "KSK 12345 (algorithm 13)".
func (k *Key) String() string {
	return fmt.Sprintf("%v %d (algorithm %d)", k.Role, k.Tag, k.Algorithm)
}

// wants tells whether the record of that kind is intended to be published.
func (k *Key) wants(kind Kind) bool {
	switch k.Use {
	case Active:
		return slices.Contains(k.Role.kinds(), kind)
	case Standby:
		return kind == DSRecord
	default:
		return false
	}
}

// chains tells whether the key is in every DNSKEY RRset and signs it.
func (k *Key) chains() bool {
	return k.DNSKEY.State == Omnipresent && k.KRRSIG.State == Omnipresent
}

// gone tells whether nothing of the key can be in any cache.
func (k *Key) gone() bool {
	return k.DNSKEY.State == Hidden && k.KRRSIG.State == Hidden && k.ZRRSIG.State == Hidden && k.DS.State == Hidden
}

// settled tells whether every record that is wanted is Omnipresent.
func (k *Key) settled() bool {
	for _, kind := range k.Role.kinds() {
		if k.wants(kind) != (k.Record(kind).State == Omnipresent) {
			return false
		}
	}
	return true
}

// Collides tells whether validators could confuse keys of these two tags, now or
// after one of them was revoked (RFC 5011 section 7). The REVOKE bit adds 128 to the
// sum that a tag is, and a carry may add 1 more.
func Collides(a, b uint16) bool {
	switch a - b {
	case 0, 128, 129, 65536 - 128, 65536 - 129:
		return true
	}
	return false
}

func nameOf[T ~uint8](names []string, v T) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf("%d", uint8(v))
}

func textOf[T ~uint8](names []string, v T, what string) ([]byte, error) {
	if int(v) >= len(names) || names[v] == "" {
		return nil, fmt.Errorf("rotate: %d is no %s", uint8(v), what)
	}
	return []byte(names[v]), nil
}

func parseName[T ~uint8](names []string, text []byte, v *T, what string) error {
	i := slices.Index(names, string(text))
	if i < 0 || len(text) == 0 {
		return fmt.Errorf("rotate: %q is no %s", text, what)
	}
	*v = T(i)
	return nil
}
