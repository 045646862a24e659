package p256batch

import (
	"crypto/hmac"
	"crypto/sha512"
	"hash"
	"math/bits"

	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// room is what a batch is made in. It is used again and again, by one goroutine at a
// time.
type room struct {
	mac    hash.Hash
	fresh  [scalar + 8]byte // random: for the nonces, and for what is verified
	sum    [sha512.Size]byte
	octets [scalar]byte
	point  *nistec.P256Point

	one, product, inverse, digest, second *bigmod.Nat
	nonces, before, first                 [Most]*bigmod.Nat
}

func newRoom(nonceKey []byte, order *bigmod.Modulus) *room {
	number := func() *bigmod.Nat { return new(bigmod.Nat).ExpandFor(order) }
	r := &room{
		mac: hmac.New(sha512.New, nonceKey), point: nistec.NewP256Point(),
		one: number(), product: number(), inverse: number(), digest: number(), second: number(),
	}
	r.one.Bits()[0] = 1
	for i := range Most {
		r.nonces[i], r.before[i], r.first[i] = number(), number(), number()
	}
	return r
}

// wipe leaves nothing that a signature's nonce could be told by.
func (r *room) wipe(n int) {
	for i := range n {
		clear(r.nonces[i].Bits())
		clear(r.before[i].Bits())
	}
	for _, x := range []*bigmod.Nat{r.product, r.inverse, r.digest, r.second} {
		clear(x.Bits())
	}
	clear(r.fresh[:])
	clear(r.sum[:])
	clear(r.octets[:])
	r.mac.Reset()
	r.point = nistec.NewP256Point()
}

// set copies y, of the same length, to x.
func set(x, y *bigmod.Nat) { copy(x.Bits(), y.Bits()) }

// put writes x in as many octets as b has, the first the highest.
func put(b []byte, x *bigmod.Nat) {
	at := len(b)
	for _, limb := range x.Bits() {
		for range bits.UintSize / 8 {
			at--
			b[at] = byte(limb)
			limb >>= 8
		}
	}
}
