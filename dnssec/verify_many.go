package dnssec

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"github.com/mythic-beasts/hostkit/dnssec/internal/p256batch"
)

// manyLeast is how many signatures of a key are verified one by one: to prepare it for
// batches costs the time of some fifty.
const manyLeast = 256

// many verifies signatures of a key in batches, once there were enough of them.
type many struct {
	public *ecdsa.PublicKey
	seen   atomic.Int64
	once   sync.Once
	by     *p256batch.Verifier // nil in FIPS 140 mode
}

// verifier is that of batches. It is nil where one more is to be verified by itself.
func (m *many) verifier() *p256batch.Verifier {
	if m == nil || m.seen.Add(1) <= manyLeast {
		return nil
	}
	m.once.Do(func() {
		if by, err := p256batch.NewVerifier(m.public); err == nil {
			m.by = by
		}
	})
	return m.by
}

// unproven is the signatures by a key that wait for a batch.
type unproven struct {
	key     *verifyKey
	of      []signedSet
	sigs    [][p256batch.Size]byte
	digests [][sha256.Size]byte
	good    []bool
}

type signedSet struct {
	owner Name
	typ   uint16
}

// prove checks the signature of what is in s.buf, at once or with others.
func (s *scan) prove(key *verifyKey, owner Name, typ uint16, sig string) {
	by := key.many.verifier()
	if by == nil || len(sig) != p256batch.Size {
		if !key.check(s.buf, []byte(sig)) {
			s.forged(key, signedSet{owner, typ})
		}
		return
	}
	u := s.unprovenOf(key)
	u.of = append(u.of, signedSet{owner, typ})
	u.sigs = append(u.sigs, [p256batch.Size]byte([]byte(sig)))
	u.digests = append(u.digests, sha256.Sum256(s.buf))
	if len(u.of) == p256batch.Most {
		s.proveAll(u)
	}
}

func (s *scan) unprovenOf(key *verifyKey) *unproven {
	for _, u := range s.unproven {
		if u.key == key {
			return u
		}
	}
	u := &unproven{key: key, good: make([]bool, p256batch.Most)}
	s.unproven = append(s.unproven, u)
	return u
}

// proveAll verifies what waits for a batch.
func (s *scan) proveAll(u *unproven) {
	u.key.many.by.Verify(u.good[:len(u.of)], u.sigs, u.digests)
	for i, of := range u.of {
		if !u.good[i] {
			s.forged(u.key, of)
		}
	}
	u.of, u.sigs, u.digests = u.of[:0], u.sigs[:0], u.digests[:0]
}

func (s *scan) forged(key *verifyKey, of signedSet) {
	s.found.add(of.owner, of.typ, RuleCrypto, "the signature of %v is not of these records", key)
}

// end verifies what is left.
func (s *scan) end() {
	for _, u := range s.unproven {
		s.proveAll(u)
	}
}
