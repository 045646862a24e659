package p256batch

import (
	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// Reduce is what a nonce becomes of the octets of the HMAC.
func (s *Signer) Reduce(sum []byte) (k [scalar]byte) {
	n := new(bigmod.Nat)
	if err := s.reduce(n, new(bigmod.Nat), sum); err != nil {
		panic(err)
	}
	put(k[:], n)
	return k
}

// Damage makes the table that of another point.
func (v *Verifier) Damage() { v.table = newTable(nistec.NewP256Point().SetGenerator()) }
