package p256batch_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"
	"testing"

	"github.com/mythic-beasts/hostkit/dnssec/internal/p256batch"
)

// What a signature costs in batches, and alone by the standard library.
func BenchmarkSign(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := p256batch.New(key)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 16, 64, 128, 256} {
		b.Run(fmt.Sprint("batch of ", n), func(b *testing.B) {
			digests, sigs := make([][32]byte, n), make([][p256batch.Size]byte, n)
			for i := range digests {
				digests[i] = sha256.Sum256([]byte{byte(i)})
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := signer.Sign(sigs, digests); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "sigs/s")
		})
	}
	b.Run("alone", func(b *testing.B) {
		digest := sha256.Sum256(nil)
		for b.Loop() {
			if _, err := key.Sign(nil, digest[:], crypto.SHA256); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sigs/s")
	})
}

// What a verification costs in batches by one key, and alone by the standard library.
func BenchmarkVerify(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := p256batch.New(key)
	if err != nil {
		b.Fatal(err)
	}
	verifier, err := p256batch.NewVerifier(&key.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	digests, sigs := make([][32]byte, 256), make([][p256batch.Size]byte, 256)
	for i := range digests {
		digests[i] = sha256.Sum256([]byte{byte(i)})
	}
	if err := signer.Sign(sigs, digests); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprint("batch of ", n), func(b *testing.B) {
			good := make([]bool, n)
			b.ReportAllocs()
			for b.Loop() {
				verifier.Verify(good, sigs[:n], digests[:n])
			}
			if !good[0] {
				b.Fatal("a good signature is refused")
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "sigs/s")
		})
	}
	b.Run("alone", func(b *testing.B) {
		r, s := new(big.Int).SetBytes(sigs[0][:32]), new(big.Int).SetBytes(sigs[0][32:])
		for b.Loop() {
			if !ecdsa.Verify(&key.PublicKey, digests[0][:], r, s) {
				b.Fatal("a good signature is refused")
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sigs/s")
	})
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			if _, err := p256batch.NewVerifier(&key.PublicKey); err != nil {
				b.Fatal(err)
			}
		}
	})
}
