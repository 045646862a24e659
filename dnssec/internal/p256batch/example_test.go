package p256batch_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"

	"github.com/mythic-beasts/hostkit/dnssec/internal/p256batch"
)

func Example() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	signer, err := p256batch.New(key)
	if err != nil {
		panic(err)
	}
	digests := [][32]byte{sha256.Sum256([]byte("one")), sha256.Sum256([]byte("two"))}
	sigs := make([][p256batch.Size]byte, len(digests))
	if err := signer.Sign(sigs, digests); err != nil {
		panic(err)
	}
	for i, sig := range sigs {
		r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
		fmt.Println(ecdsa.Verify(&key.PublicKey, digests[i][:], r, s))
	}
	// Output:
	// true
	// true
}
