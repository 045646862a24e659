package p256batch_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/internal/p256batch"
	"github.com/stretchr/testify/require"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func newSigner(t testing.TB, key *ecdsa.PrivateKey) *p256batch.Signer {
	t.Helper()
	s, err := p256batch.New(key)
	require.NoError(t, err)
	return s
}

// sums are digests of the numbers from base on.
func sums(base, n int) [][32]byte {
	d := make([][32]byte, n)
	for i := range d {
		d[i] = sha256.Sum256(fmt.Append(nil, base+i))
	}
	return d
}

func halves(sig [p256batch.Size]byte) (r, s *big.Int) {
	return new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
}

func sign(t testing.TB, s *p256batch.Signer, digests [][32]byte) [][p256batch.Size]byte {
	t.Helper()
	sigs := make([][p256batch.Size]byte, len(digests))
	require.NoError(t, s.Sign(sigs, digests))
	return sigs
}

func TestSignaturesOfAnyNumberVerify(t *testing.T) {
	key := newKey(t)
	signer := newSigner(t, key)
	for _, n := range []int{0, 1, 2, 3, 31, p256batch.Most - 1, p256batch.Most, p256batch.Most + 1, 2*p256batch.Most + 88} {
		digests := sums(n, n)
		for i, sig := range sign(t, signer, digests) {
			r, s := halves(sig)
			require.True(t, ecdsa.Verify(&key.PublicKey, digests[i][:], r, s), "%d of %d", i, n)
			require.False(t, ecdsa.Verify(&key.PublicKey, digests[(i+1)%n][:], r, s) && n > 1, "%d of %d", i, n)
		}
	}
}

// Digests and keys at the ends of what there is, where a carry would be lost.
func TestNumbersAtTheEdge(t *testing.T) {
	order := elliptic.P256().Params().N
	less := new(big.Int).Sub(order, big.NewInt(1))
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	var digests [][32]byte
	for _, n := range []*big.Int{big.NewInt(0), big.NewInt(1), less, order, most} {
		digests = append(digests, [32]byte(n.FillBytes(make([]byte, 32))))
	}
	for _, private := range []*big.Int{big.NewInt(1), big.NewInt(2), less} {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), private.FillBytes(make([]byte, 32)))
		require.NoError(t, err)
		for i, sig := range sign(t, newSigner(t, key), digests) {
			r, s := halves(sig)
			require.True(t, ecdsa.Verify(&key.PublicKey, digests[i][:], r, s), "%v %d", private, i)
		}
	}
}

// nonce is the nonce that a signature was made by, which who has the key can tell.
func nonce(key *ecdsa.PrivateKey, digest [32]byte, sig [p256batch.Size]byte) *big.Int {
	order := key.Params().N
	d, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	r, s := halves(sig)
	k := new(big.Int).Mul(r, new(big.Int).SetBytes(d))
	k.Add(k, new(big.Int).SetBytes(digest[:]))
	k.Mul(k, new(big.Int).ModInverse(s, order))
	return k.Mod(k, order)
}

func TestNoncesAreNeverTheSame(t *testing.T) {
	key := newKey(t)
	signer := newSigner(t, key)
	seen := map[string]bool{}
	digests := sums(0, 700)
	for range 3 { // the same digests again, which get other nonces
		for i, sig := range sign(t, signer, digests) {
			k := nonce(key, digests[i], sig).String()
			require.False(t, seen[k])
			seen[k] = true
		}
	}
	again := sign(t, newSigner(t, key), digests) // another signer of the same key
	for i, sig := range again {
		require.False(t, seen[nonce(key, digests[i], sig).String()])
	}
	require.Len(t, seen, 2100)
}

// Every octet of the nonces has each value about as often: a bias would tell the key.
func TestNoncesHaveNoBias(t *testing.T) {
	key := newKey(t)
	signer := newSigner(t, key)
	const n = 20_000
	digests := sums(0, n)
	var counts [32][256]float64
	order := key.Params().N
	for i, sig := range sign(t, signer, digests) {
		// scaled so that 0 to the order becomes 0 to 2^256
		k := nonce(key, digests[i], sig)
		k.Div(k.Lsh(k, 256), order)
		for at, octet := range k.FillBytes(make([]byte, 32)) {
			counts[at][octet]++
		}
	}
	for at := range counts {
		chi := 0.0
		for _, c := range counts[at] {
			chi += (c - n/256.0) * (c - n/256.0) / (n / 256.0)
		}
		// 255 degrees of freedom: 450 is nine standard deviations away.
		require.Less(t, chi, 450.0, "octet %d", at)
	}
}

// All 512 bits count, which no statistics would show.
func TestNoncesAreOf512Bits(t *testing.T) {
	signer := newSigner(t, newKey(t))
	order := elliptic.P256().Params().N
	check := func(sum []byte) {
		want := new(big.Int).SetBytes(sum)
		want.Mod(want, order)
		got := signer.Reduce(sum)
		require.Equal(t, want.FillBytes(make([]byte, 32)), got[:])
	}
	check(make([]byte, 64))
	check([]byte(strings.Repeat("\xff", 64)))
	check(append(order.Bytes(), order.Bytes()...))
	for range 1000 {
		sum := make([]byte, 64)
		_, _ = rand.Read(sum)
		check(sum)
	}
}

func TestOneSignerForManyGoroutines(t *testing.T) {
	key := newKey(t)
	signer := newSigner(t, key)
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			digests := sums(1000*g, 40)
			sigs := make([][p256batch.Size]byte, len(digests))
			for range 3 {
				if err := signer.Sign(sigs, digests); err != nil {
					t.Error(err)
				}
			}
			for i, sig := range sigs {
				if r, s := halves(sig); !ecdsa.Verify(&key.PublicKey, digests[i][:], r, s) {
					t.Errorf("goroutine %d, signature %d", g, i)
				}
			}
		})
	}
	wait.Wait()
}

// A key whose halves are not one pair makes signatures that nobody accepts. They are
// found by the sample and not handed out.
func TestWrongSignaturesAreNotHandedOut(t *testing.T) {
	key := newKey(t)
	key.PublicKey = newKey(t).PublicKey
	signer := newSigner(t, key)
	for _, n := range []int{1, 50, p256batch.Most + 1} {
		sigs := make([][p256batch.Size]byte, n)
		require.ErrorContains(t, signer.Sign(sigs, sums(0, n)), "a signature is wrong")
		for _, sig := range sigs {
			require.Zero(t, sig)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = p256batch.New(other)
	require.ErrorContains(t, err, "not on P-256")

	err = newSigner(t, newKey(t)).Sign(make([][p256batch.Size]byte, 2), sums(0, 3))
	require.ErrorContains(t, err, "room for 2 signatures of 3 digests")
}

func TestNothingPrintsAKey(t *testing.T) {
	key := newKey(t)
	d, err := key.Bytes()
	require.NoError(t, err)
	secret := new(big.Int).SetBytes(d)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		said := fmt.Sprintf(verb, newSigner(t, key))
		require.NotContains(t, said, secret.String())
		require.NotContains(t, strings.ToLower(said), secret.Text(16)[:16])
		require.Equal(t, "P-256 batch signer", said)
	}
}

// In FIPS 140 mode, which only the start of a process can choose, both refuse.
func TestFIPS(t *testing.T) {
	if fips140.Enabled() {
		key := newKey(t)
		_, err := p256batch.New(key)
		require.ErrorIs(t, err, p256batch.ErrFIPS)
		_, err = p256batch.NewVerifier(&key.PublicKey)
		require.ErrorIs(t, err, p256batch.ErrFIPS)
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFIPS$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=on")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "PASS: TestFIPS")
}
