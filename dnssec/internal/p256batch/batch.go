package p256batch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"filippo.io/bigmod"
)

// Size is the length of a signature: r and s, 32 octets each (RFC 6605, section 4).
const Size = 64

// Most is how many signatures are one batch; larger calls are several.
const Most = 256

// scalar is the length of a number modulo the order.
const scalar = 32

// ErrFIPS is returned by [New] when Go is in FIPS 140 mode.
var ErrFIPS = errors.New("p256batch: is not for FIPS 140 mode: sign by crypto/ecdsa")

// Signer signs by a key in memory. Any number of goroutines may use it.
type Signer struct {
	public   *ecdsa.PublicKey
	order    *bigmod.Modulus
	lessTwo  []byte      // the order less two: the exponent that inverts
	high     *bigmod.Nat // 2^256 modulo the order
	private  *bigmod.Nat
	nonceKey []byte
	rooms    sync.Pool
}

// New is a signer by the key, which must be on P-256.
func New(key *ecdsa.PrivateKey) (*Signer, error) {
	if fips140.Enabled() {
		return nil, ErrFIPS
	}
	if key.Curve != elliptic.P256() {
		return nil, errors.New("p256batch: the key is not on P-256")
	}
	d, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("p256batch: private key: %w", err)
	}
	n := elliptic.P256().Params().N
	s := &Signer{public: &key.PublicKey, lessTwo: new(big.Int).Sub(n, big.NewInt(2)).Bytes()}
	if s.order, err = bigmod.NewModulus(n.Bytes()); err != nil {
		return nil, fmt.Errorf("p256batch: order: %w", err)
	}
	if s.private, err = new(bigmod.Nat).SetBytes(d, s.order); err != nil {
		return nil, fmt.Errorf("p256batch: private key: %w", err)
	}
	high := new(big.Int).Mod(new(big.Int).Lsh(big.NewInt(1), 8*scalar), n)
	if s.high, err = new(bigmod.Nat).SetBytes(high.FillBytes(make([]byte, scalar)), s.order); err != nil {
		return nil, fmt.Errorf("p256batch: order: %w", err)
	}
	fresh := make([]byte, sha512.Size)
	_, _ = rand.Read(fresh) // never fails: see its package
	mac := hmac.New(sha512.New, d)
	_, _ = mac.Write([]byte("nonces of a batch signer"))
	_, _ = mac.Write(fresh)
	s.nonceKey = mac.Sum(nil)
	clear(d)
	s.rooms.New = func() any { return newRoom(s.nonceKey, s.order) }
	return s, nil
}

// Format prints what it is, whatever the verb, and nothing of the key.
func (s *Signer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("P-256 batch signer")) }

// Sign puts a signature of each digest into sigs, which must be as many. With an
// error all of them are zero.
func (s *Signer) Sign(sigs [][Size]byte, digests [][scalar]byte) error {
	if len(sigs) != len(digests) {
		return fmt.Errorf("p256batch: room for %d signatures of %d digests", len(sigs), len(digests))
	}
	r := s.rooms.Get().(*room)
	defer s.rooms.Put(r)
	for at := 0; at < len(digests); at += Most {
		end := min(at+Most, len(digests))
		if err := s.batch(r, sigs[at:end], digests[at:end]); err != nil {
			clear(sigs)
			return err
		}
	}
	return nil
}

// batch signs at most [Most] digests.
func (s *Signer) batch(r *room, sigs [][Size]byte, digests [][scalar]byte) error {
	defer r.wipe(len(digests))
	_, _ = rand.Read(r.fresh[:])
	if err := s.commit(r, digests); err != nil {
		return err
	}
	r.inverse.Exp(r.product, s.lessTwo, s.order)
	zero := uint(0)
	for i := len(digests) - 1; i >= 0; i-- {
		inverse := r.before[i].Mul(r.inverse, s.order) // of this nonce
		r.inverse.Mul(r.nonces[i], s.order)            // of the product of those before it
		if _, err := r.digest.SetOverflowingBytes(digests[i][:], s.order); err != nil {
			return fmt.Errorf("p256batch: digest: %w", err)
		}
		set(r.second, r.first[i])
		r.second.Mul(s.private, s.order).Add(r.digest, s.order).Mul(inverse, s.order)
		zero |= r.first[i].IsZero() | r.second.IsZero()
		put(sigs[i][:scalar], r.first[i])
		put(sigs[i][scalar:], r.second)
	}
	if zero != 0 || !s.sample(r, sigs, digests) {
		return errFault
	}
	return nil
}

// commit makes the nonces, the first halves of the signatures, and the product of
// all nonces with those of the nonces before each.
func (s *Signer) commit(r *room, digests [][scalar]byte) error {
	set(r.product, r.one)
	for i := range digests {
		k := r.nonces[i]
		if err := s.nonce(r, k, digests[i][:]); err != nil {
			return err
		}
		put(r.octets[:], k)
		if _, err := r.point.ScalarBaseMult(r.octets[:]); err != nil {
			return fmt.Errorf("p256batch: nonce: %w", err)
		}
		x, err := r.point.BytesX()
		if err != nil {
			return fmt.Errorf("p256batch: nonce: %w", err)
		}
		if _, err := r.first[i].SetOverflowingBytes(x, s.order); err != nil {
			return fmt.Errorf("p256batch: nonce: %w", err)
		}
		set(r.before[i], r.product)
		r.product.Mul(k, s.order)
	}
	return nil
}

// nonce makes k of 512 bits.
func (s *Signer) nonce(r *room, k *bigmod.Nat, digest []byte) error {
	r.mac.Reset()
	_, _ = r.mac.Write(r.fresh[:scalar])
	_, _ = r.mac.Write(digest)
	return s.reduce(k, r.digest, r.mac.Sum(r.sum[:0]))
}

// reduce makes k of 512 bits modulo the order. It needs another number to work with.
func (s *Signer) reduce(k, low *bigmod.Nat, sum []byte) error {
	if _, err := k.SetOverflowingBytes(sum[:scalar], s.order); err != nil {
		return fmt.Errorf("p256batch: nonce: %w", err)
	}
	if _, err := low.SetOverflowingBytes(sum[scalar:], s.order); err != nil {
		return fmt.Errorf("p256batch: nonce: %w", err)
	}
	k.Mul(s.high, s.order).Add(low, s.order)
	return nil
}

// sample verifies one of the signatures.
func (s *Signer) sample(r *room, sigs [][Size]byte, digests [][scalar]byte) bool {
	i := binary.BigEndian.Uint64(r.fresh[scalar:]) % uint64(len(sigs))
	first, second := new(big.Int).SetBytes(sigs[i][:scalar]), new(big.Int).SetBytes(sigs[i][scalar:])
	return ecdsa.Verify(s.public, digests[i][:], first, second)
}

var errFault = errors.New("p256batch: a signature is wrong: the key is not one pair, or the machine errs")
