package p256batch

import (
	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// desk is what a batch is verified on, by one goroutine at a time. Nothing of it is
// secret.
type desk struct {
	octets      [scalar]byte
	point, term *nistec.P256Point

	one, product, inverse, digest, factor *bigmod.Nat
	first, second, before                 [Most]*bigmod.Nat
}

func newDesk(order *bigmod.Modulus) *desk {
	number := func() *bigmod.Nat { return new(bigmod.Nat).ExpandFor(order) }
	d := &desk{
		point: nistec.NewP256Point(), term: nistec.NewP256Point(),
		one: number(), product: number(), inverse: number(), digest: number(), factor: number(),
	}
	d.one.Bits()[0] = 1
	for i := range Most {
		d.first[i], d.second[i], d.before[i] = number(), number(), number()
	}
	return d
}
