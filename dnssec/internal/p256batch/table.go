package p256batch

import "filippo.io/nistec"

// half is the greatest digit of a number that is written with digits of 8 bits from
// -127 to 128.
const half = 128

// table has the multiples of a point: for each digit of a scalar, and one more for
// what is carried out of the last, 1 to 128 times what the digit stands for. It is
// read at places that depend on the scalar, which must be no secret.
type table [scalar + 1][half]*nistec.P256Point

func newTable(p *nistec.P256Point) (t table) {
	base := nistec.NewP256Point().Set(p)
	for i := range t {
		at := base
		for k := range t[i] {
			t[i][k] = at
			at = nistec.NewP256Point().Add(at, base)
		}
		base = nistec.NewP256Point().Double(t[i][half-1]) // 256 times
	}
	return t
}

// add adds a multiple of the table's point to sum. Term is room to work in.
func (t *table) add(sum, term *nistec.P256Point, octets *[scalar]byte) {
	carry := 0
	for i := range t {
		digit := carry
		if i < scalar {
			digit += int(octets[scalar-1-i])
		}
		carry = 0
		if digit > half {
			digit -= 2 * half
			carry = 1
		}
		switch {
		case digit > 0:
			sum.Add(sum, t[i][digit-1])
		case digit < 0:
			sum.Add(sum, term.Negate(t[i][-digit-1]))
		}
	}
}
