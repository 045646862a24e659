package p256batch_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"math/big"
	"slices"
	"sync"
	"testing"

	"filippo.io/nistec"
	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/dnssec/internal/p256batch"
)

var order = elliptic.P256().Params().N

func newVerifier(t testing.TB, key *ecdsa.PublicKey) *p256batch.Verifier {
	t.Helper()
	v, err := p256batch.NewVerifier(key)
	require.NoError(t, err)
	return v
}

// signature is one of any two numbers.
func signature(r, s *big.Int) (sig [p256batch.Size]byte) {
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return sig
}

func number(b [32]byte) *big.Int { return new(big.Int).SetBytes(b[:]) }

// keyOf has a private key that the test chooses.
func keyOf(t testing.TB, d *big.Int) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.FillBytes(make([]byte, 32)))
	require.NoError(t, err)
	return key
}

// agree verifies by both, and wants the same.
func agree(t testing.TB, v *p256batch.Verifier, key *ecdsa.PublicKey, sigs [][p256batch.Size]byte, digests [][32]byte) []bool {
	t.Helper()
	good := make([]bool, len(sigs))
	v.Verify(good, sigs, digests)
	for i, sig := range sigs {
		r, s := halves(sig)
		require.Equal(t, ecdsa.Verify(key, digests[i][:], r, s), good[i], "%d: %x of %x", i, sig, digests[i])
	}
	return good
}

// Among any number of signatures those that are wrong are found, and no others.
func TestVerifierFindsWrongOnes(t *testing.T) {
	key := newKey(t)
	signer, v := newSigner(t, key), newVerifier(t, &key.PublicKey)
	for _, n := range []int{0, 1, 2, 3, 31, p256batch.Most - 1, p256batch.Most, p256batch.Most + 1, 2*p256batch.Most + 88} {
		digests := sums(n, n)
		sigs := sign(t, signer, digests)
		require.NotContains(t, agree(t, v, &key.PublicKey, sigs, digests), false)
		wrong := slices.Clone(sigs)
		for i := range wrong {
			switch i % 7 {
			case 1:
				wrong[i][i%64] ^= 1 << (i % 8)
			case 2:
				clear(wrong[i][:32])
			case 3:
				clear(wrong[i][32:])
			case 4:
				digests[i][i%32] ^= 1 << (i % 8)
			case 5:
				wrong[i] = sigs[(i+1)%n]
			}
		}
		for i, good := range agree(t, v, &key.PublicKey, wrong, digests) {
			require.Equal(t, i%7 == 0 || i%7 == 6, good, i)
		}
	}
}

// Numbers where sums and carries go wrong, if they do.
func TestVerifierAtTheEdge(t *testing.T) {
	one := big.NewInt(1)
	numbers := []*big.Int{
		new(big.Int), one, big.NewInt(2), big.NewInt(127), big.NewInt(128), big.NewInt(129), big.NewInt(255), big.NewInt(256),
		new(big.Int).Sub(order, one), order, new(big.Int).Add(order, one), new(big.Int).Rsh(order, 1),
		new(big.Int).Sub(new(big.Int).Lsh(one, 256), one), new(big.Int).Lsh(one, 255),
		number([32]byte(slices.Repeat([]byte{0x80}, 32))), number([32]byte(slices.Repeat([]byte{0x81}, 32))),
		number([32]byte(slices.Repeat([]byte{0x7f}, 32))),
	}
	var sigs [][p256batch.Size]byte
	var digests [][32]byte
	for _, r := range numbers {
		for _, s := range numbers {
			for _, e := range numbers {
				sigs = append(sigs, signature(r, s))
				digests = append(digests, [32]byte(e.FillBytes(make([]byte, 32))))
			}
		}
	}
	for _, d := range []*big.Int{one, big.NewInt(2), big.NewInt(3), new(big.Int).Sub(order, one), new(big.Int).Rsh(order, 1)} {
		key := keyOf(t, d)
		require.NotEmpty(t, agree(t, newVerifier(t, &key.PublicKey), &key.PublicKey, sigs, digests))
	}
}

// mulmod is a product modulo the order.
func mulmod(a, b *big.Int) *big.Int { return new(big.Int).Mod(new(big.Int).Mul(a, b), order) }

// forged makes a signature of a nonce that the test chooses.
func forged(t testing.TB, d, k, e *big.Int) [p256batch.Size]byte {
	t.Helper()
	p, err := nistec.NewP256Point().ScalarBaseMult(k.FillBytes(make([]byte, 32)))
	require.NoError(t, err)
	x, err := p.BytesX()
	require.NoError(t, err)
	r := new(big.Int).Mod(new(big.Int).SetBytes(x), order)
	s := new(big.Int).Add(e, mulmod(r, d))
	return signature(r, mulmod(s, new(big.Int).ModInverse(k, order)))
}

// Every multiple of the table is used, with scalars of one digit, and with all digits
// the same.
func TestVerifierOfEachDigit(t *testing.T) {
	key := newKey(t)
	raw, err := key.Bytes()
	require.NoError(t, err)
	d := new(big.Int).SetBytes(raw)
	var sigs [][p256batch.Size]byte
	var digests [][32]byte
	// A signature with r/s = u and e/s = 1: the nonce is 1 + u·d.
	with := func(u *big.Int) {
		u = new(big.Int).Mod(u, order)
		k := new(big.Int).Mod(new(big.Int).Add(big.NewInt(1), mulmod(u, d)), order)
		p, err := nistec.NewP256Point().ScalarBaseMult(k.FillBytes(make([]byte, 32)))
		require.NoError(t, err)
		x, err := p.BytesX()
		require.NoError(t, err)
		r := new(big.Int).Mod(new(big.Int).SetBytes(x), order)
		s := mulmod(r, new(big.Int).ModInverse(u, order))
		sigs = append(sigs, signature(r, s))
		digests = append(digests, [32]byte(s.FillBytes(make([]byte, 32))))
	}
	for digit := int64(1); digit < 256; digit++ {
		for place := range uint(32) {
			with(new(big.Int).Lsh(big.NewInt(digit), 8*place))
		}
		with(number([32]byte(slices.Repeat([]byte{byte(digit)}, 32))))
	}
	require.NotContains(t, agree(t, newVerifier(t, &key.PublicKey), &key.PublicKey, sigs, digests), false)
}

// Sums of equal and of opposite points, and one whose x is not less than the order.
func TestVerifierOfOddPoints(t *testing.T) {
	one := big.NewInt(1)
	g := keyOf(t, one)
	v := newVerifier(t, &g.PublicKey)
	// By the generator as key both halves of the sum are equal if the digest is r.
	k := big.NewInt(12345)
	r, _ := halves(forged(t, one, k, new(big.Int)))
	double := signature(r, mulmod(new(big.Int).Add(r, r), new(big.Int).ModInverse(k, order)))
	require.Equal(t, []bool{true}, agree(t, v, &g.PublicKey, [][p256batch.Size]byte{double}, [][32]byte{[32]byte(r.FillBytes(make([]byte, 32)))}))
	// And opposite if it is -r: their sum is no point.
	minus := new(big.Int).Sub(order, r)
	require.Equal(t, []bool{false}, agree(t, v, &g.PublicKey, [][p256batch.Size]byte{double}, [][32]byte{[32]byte(minus.FillBytes(make([]byte, 32)))}))

	// A point whose x is the order or more: r is what is left of it, and the key is made
	// to fit.
	x := new(big.Int).Set(order)
	point := nistec.NewP256Point()
	for {
		if _, err := point.SetBytes(append([]byte{2}, x.FillBytes(make([]byte, 32))...)); err == nil {
			if x.Cmp(order) > 0 {
				break
			}
		}
		x.Add(x, one)
	}
	r = new(big.Int).Sub(x, order)
	s, e := big.NewInt(77), number(sums(1, 1)[0])
	inverse := new(big.Int).ModInverse(r, order)
	left, err := nistec.NewP256Point().ScalarMult(point, mulmod(s, inverse).FillBytes(make([]byte, 32)))
	require.NoError(t, err)
	right, err := nistec.NewP256Point().ScalarBaseMult(mulmod(new(big.Int).Sub(order, new(big.Int).Mod(e, order)), inverse).FillBytes(make([]byte, 32)))
	require.NoError(t, err)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), left.Add(left, right).Bytes())
	require.NoError(t, err)
	digest := [32]byte(e.FillBytes(make([]byte, 32)))
	require.Equal(t, []bool{true, false}, agree(t, newVerifier(t, public), public,
		[][p256batch.Size]byte{signature(r, s), signature(x, s)}, [][32]byte{digest, digest}))
}

// A machine that errs is found by the sample, and the standard library says what is
// right.
func TestVerifierThatErrs(t *testing.T) {
	key := newKey(t)
	signer, v := newSigner(t, key), newVerifier(t, &key.PublicKey)
	v.Damage()
	digests := sums(0, 2*p256batch.Most)
	sigs := sign(t, signer, digests)
	require.NotContains(t, agree(t, v, &key.PublicKey, sigs, digests), false)
}

func TestOneVerifierForManyGoroutines(t *testing.T) {
	key := newKey(t)
	signer, v := newSigner(t, key), newVerifier(t, &key.PublicKey)
	digests := sums(0, 300)
	sigs := sign(t, signer, digests)
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			mine := slices.Clone(sigs)
			mine[g][5] ^= 1
			good := make([]bool, len(mine))
			for range 3 {
				v.Verify(good, mine, digests)
				for i, ok := range good {
					if ok == (i == g) {
						t.Errorf("goroutine %d, signature %d: %v", g, i, ok)
					}
				}
			}
		})
	}
	wait.Wait()
}

func TestKeysOfOtherCurvesAreRefused(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = p256batch.NewVerifier(&other.PublicKey)
	require.ErrorContains(t, err, "not on P-256")
}

// Whatever the numbers, it says what the standard library says.
func FuzzVerifier(f *testing.F) {
	d := big.NewInt(424242)
	key := keyOf(f, d)
	v := newVerifier(f, &key.PublicKey)
	for i := range int64(4) {
		e := number(sums(int(i), 1)[0])
		sig := forged(f, d, big.NewInt(i+7), e)
		f.Add(sig[:], e.FillBytes(make([]byte, 32)))
	}
	f.Fuzz(func(t *testing.T, sig, digest []byte) {
		if len(sig) != p256batch.Size || len(digest) != 32 {
			return
		}
		agree(t, v, &key.PublicKey, [][p256batch.Size]byte{[p256batch.Size]byte(sig)}, [][32]byte{[32]byte(digest)})
	})
}
