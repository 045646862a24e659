package p256batch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"sync"

	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// Verifier verifies by one key. Any number of goroutines may use it.
type Verifier struct {
	public  *ecdsa.PublicKey
	order   *bigmod.Modulus
	lessTwo []byte // the order less two: the exponent that inverts
	table   table
	desks   sync.Pool
}

// NewVerifier is a verifier by the key, which must be on P-256. It takes the time of
// some fifty verifications.
func NewVerifier(key *ecdsa.PublicKey) (*Verifier, error) {
	if fips140.Enabled() {
		return nil, ErrFIPS
	}
	if key.Curve != elliptic.P256() {
		return nil, errors.New("p256batch: the key is not on P-256")
	}
	raw, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("p256batch: public key: %w", err)
	}
	point, err := nistec.NewP256Point().SetBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("p256batch: public key: %w", err)
	}
	n := elliptic.P256().Params().N
	v := &Verifier{public: key, lessTwo: new(big.Int).Sub(n, big.NewInt(2)).Bytes(), table: newTable(point)}
	if v.order, err = bigmod.NewModulus(n.Bytes()); err != nil {
		return nil, fmt.Errorf("p256batch: order: %w", err)
	}
	v.desks.New = func() any { return newDesk(v.order) }
	return v, nil
}

// Verify says of each signature whether it is one of the digest, and puts that into
// good. There must be as many of all three.
func (v *Verifier) Verify(good []bool, sigs [][Size]byte, digests [][scalar]byte) {
	d := v.desks.Get().(*desk)
	defer v.desks.Put(d)
	for at := 0; at < len(sigs); at += Most {
		end := min(at+Most, len(sigs))
		v.batch(d, good[at:end], sigs[at:end], digests[at:end])
	}
}

// batch verifies at most [Most] signatures.
func (v *Verifier) batch(d *desk, good []bool, sigs [][Size]byte, digests [][scalar]byte) {
	set(d.product, d.one)
	for i := range sigs {
		if good[i] = v.read(d, i, &sigs[i]); good[i] {
			set(d.before[i], d.product)
			d.product.Mul(d.second[i], v.order)
		}
	}
	d.inverse.Exp(d.product, v.lessTwo, v.order)
	for i := len(sigs) - 1; i >= 0; i-- {
		if !good[i] {
			continue
		}
		inverse := d.before[i].Mul(d.inverse, v.order) // of this second half
		d.inverse.Mul(d.second[i], v.order)            // of the product of those before it
		good[i] = v.one(d, i, inverse, &digests[i])
	}
	if i := rand.IntN(len(sigs)); good[i] != v.alone(&sigs[i], &digests[i]) { //nolint:gosec // nobody gains by guessing it
		for i := range sigs {
			good[i] = v.alone(&sigs[i], &digests[i])
		}
	}
}

// alone is the standard library's word.
func (v *Verifier) alone(sig *[Size]byte, digest *[scalar]byte) bool {
	first, second := new(big.Int).SetBytes(sig[:scalar]), new(big.Int).SetBytes(sig[scalar:])
	return ecdsa.Verify(v.public, digest[:], first, second)
}

// read takes a signature's halves, which must be less than the order and not zero.
func (v *Verifier) read(d *desk, i int, sig *[Size]byte) bool {
	if _, err := d.first[i].SetBytes(sig[:scalar], v.order); err != nil {
		return false
	}
	if _, err := d.second[i].SetBytes(sig[scalar:], v.order); err != nil {
		return false
	}
	return d.first[i].IsZero()|d.second[i].IsZero() == 0
}

// one says whether the point of a signature has its first half as x, modulo the order
// (FIPS 186-5, section 6.4.2).
func (v *Verifier) one(d *desk, i int, inverse *bigmod.Nat, digest *[scalar]byte) bool {
	if _, err := d.digest.SetOverflowingBytes(digest[:], v.order); err != nil {
		return false
	}
	put(d.octets[:], d.digest.Mul(inverse, v.order))
	if _, err := d.point.ScalarBaseMult(d.octets[:]); err != nil {
		return false
	}
	set(d.factor, d.first[i])
	put(d.octets[:], d.factor.Mul(inverse, v.order))
	v.table.add(d.point, d.term, &d.octets)
	x, err := d.point.BytesX()
	if err != nil {
		return false
	}
	if _, err := d.digest.SetOverflowingBytes(x, v.order); err != nil {
		return false
	}
	return d.digest.Equal(d.first[i]) == 1
}
